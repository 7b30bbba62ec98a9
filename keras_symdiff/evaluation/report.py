"""The paper's evidence in one folder: report.json, tables.md and figures."""

import dataclasses
import functools
import hashlib
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt32

from keras_symdiff.autoregressive.latent_mdn import LatentMDN
from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
from keras_symdiff.diffusion.sampler import QUALITIES, Sampler
from keras_symdiff.evaluation import figures
from keras_symdiff.evaluation.generators import decode_as_composed, generators, keep_mask
from keras_symdiff.evaluation.hearing import chord_fits, control
from keras_symdiff.evaluation.infilled_tunes import infill_tunes
from keras_symdiff.evaluation.made_pieces import make_pieces, save_arrays
from keras_symdiff.evaluation.real_pieces import Pieces, real_pieces
from keras_symdiff.evaluation.refinement import REFINED_PIECES, refinement_curves, refinement_figures
from keras_symdiff.evaluation.score import Reference, score
from keras_symdiff.evaluation.summary import summary_csv, summary_latex
from keras_symdiff.evaluation.tables import tables
from keras_symdiff.files.read_npz import read_npz
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.metrics.nulls import INFILLING_NULLS, UNCONDITIONAL_NULLS
from keras_symdiff.metrics.piece_statistics import DENSITY_BINS, RANGE_BINS, piece_statistics
from keras_symdiff.music.form import FormTable
from keras_symdiff.music.key import Key
from keras_symdiff.presets.reference_pieces import MOST_PIECES
from keras_symdiff.training.record_options import record_options
from keras_symdiff.vae.music_vae import MusicVAE
from keras_symdiff.write_atomically import write_atomically

TASKS = {"unconditional": UNCONDITIONAL_NULLS, "infilling": INFILLING_NULLS}
_THRESHOLD = 1.0  # paper, supplement C: the prior's standard deviation


def write_report(
    folder: str | Path,
    model: LatentDiffusion,
    baseline: LatentMDN,
    transform: LatentTransform,
    vae: MusicVAE,
    train: LatentCorpus,
    held_out: LatentCorpus,
    settings: dict[str, Any],
    progress: Callable[[str, int, int], Any],
    training_hashes: UInt32[np.ndarray, " U"] | None = None,
    one_key: bool = False,
) -> None:
    """Makes the pieces of all generators, scores them and draws them.

    A killed report goes on where it stopped: pieces are kept in `folder/pieces`, 50 to a file.

    Args:
        folder: path, made if it is not there.
        model: `LatentDiffusion`.
        baseline: `LatentMDN`, trained on latents of the same `transform`.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        train: `LatentCorpus` of the music that was trained on.
        held_out: `LatentCorpus` of other music.
        settings: JSON-able dict of what was asked for; it is written into the report. Read here are `num_samples`,
            pieces per generator (infilling and interpolation: at most one per held-out melody), `seed`, and how the
            diffusion model samples: `quality`, a key of `QUALITIES`, or `None` for ancestral sampling in `steps` steps,
            `None` for all. With a quality, new pieces of a model that hears conditions have forms, and infills complete
            them, as those of `Composer` do.
        progress: function of a label, what is done and all that is to be done.
        training_hashes: hashes of all phrases that were trained on, where `train` is a part of them; see `Reference`.
            Defaults to `None`.
        one_key: whether the model knows music in C major and A minor only. Defaults to `False`.

    Raises:
        ValueError: if music or steps are too few or too many, a generator fails, or the folder holds another report.
    """
    num_samples, seed = settings["num_samples"], settings["seed"]
    num_steps = settings["steps"] or model.schedule.num_steps
    sampler = QUALITIES.get(settings["quality"], Sampler("ancestral", num_steps))
    settings = settings | {"sampler": dataclasses.asdict(sampler)}  # a quality may mean another one tomorrow
    real = real_pieces(held_out, transform, num_samples, seed)
    training = real_pieces(train, transform, max(MOST_PIECES, num_samples), seed)
    folder = Path(folder)
    (folder / "pieces").mkdir(parents=True, exist_ok=True)
    # Paths alone would let a run that was trained on mix its new pieces with old ones.
    contents = {
        "weights": _hash_of_weights(model, baseline, vae),
        "music": zlib.crc32(train.corpus.tokens.tobytes()) ^ zlib.crc32(held_out.corpus.tokens.tobytes()),
    }
    record_options(folder / "settings.json", settings | contents)

    mask = keep_mask(real.scaled.shape[1])
    hears = getattr(model.denoiser, "condition_dim", None) is not None
    forms = FormTable.of(list(training.tokens), list(training.real_steps)) if hears else None
    drawn = forms if settings["quality"] else None  # the paper's way has none
    sets = {}
    for task, nulls in TASKS.items():
        made = {"Train data": Pieces(None, training.tokens), "Test data": real}
        makers = generators(
            task, model, baseline, transform, real, sampler, num_samples, seed,
            progress=functools.partial(progress, f"{task}: steps of a batch"),
            observe=lambda done, x: save_arrays(folder / "pieces" / f"state_{done:04d}.npz", x=x[:REFINED_PIECES]),
            forms=drawn,
        )  # fmt: skip
        for name, (make, number) in makers.items():
            kept = (real, mask) if task == "infilling" else None
            files = folder / "pieces" / f"{task}_{_file_name(name)}"
            made[name] = make_pieces(
                make, number, transform, vae, kept, files, functools.partial(progress, f"{task}: {name}")
            )
        if drawn is not None and task == "unconditional":
            composed = decode_as_composed(
                made["Diffusion"].scaled, transform, vae, drawn, seed, Key(0, "major") if one_key else None,
                progress=functools.partial(progress, f"{task}: Diffusion, as composed"),
            )  # fmt: skip
            made["Diffusion, as composed"] = Pieces(None, composed)
        # The decoded test data have the latents of the test data, which are scored there.
        made["Test data, decoded"] = Pieces(None, made["Test data, decoded"].tokens)
        for name, null in nulls.items():
            arguments = (real.tokens, mask) if task == "infilling" else (real.tokens,)
            made[f"Null: {name}"] = Pieces(None, null(*arguments, seed=seed))
        sets[task] = made

    reference = Reference(training, train.corpus.tokens, len(real.tokens), training_hashes)
    weights = {"run": model.weights_origin, "baseline": baseline.weights_origin}
    report: dict[str, Any] = {"settings": settings | {"weights": weights}}
    for task, made in sets.items():
        report[task] = {}
        for done, (name, pieces) in enumerate(made.items(), start=1):
            report[task][name] = score(pieces, reference, mask if task == "infilling" else None)
            progress(f"{task}: scoring", done, len(made))
    states = _read_states(folder / "pieces")
    report["refinement"] = refinement_curves(states, sampler.num_steps or num_steps, transform, vae, reference)
    refined = Pieces(real.scaled[:REFINED_PIECES], real.tokens[:REFINED_PIECES])
    report["refinement"]["test_data"] = refinement_figures(score(refined, reference))
    report["histograms"] = {name: _histograms(pieces.tokens) for name, pieces in sets["unconditional"].items()}
    report["posterior_stddev"] = train.stddev[np.unique(train.windows())].mean(axis=0, dtype=np.float64).tolist()
    report["scoreboard"] = infill_tunes(
        model, transform, vae, held_out, sampler, num_samples, seed, folder / "pieces", progress, drawn
    )  # fmt: skip
    if forms is not None:
        report["chord_fit"] = chord_fits(
            model, transform, vae, held_out, sampler, num_samples, seed, folder / "pieces", progress
        )  # fmt: skip
        report["control"] = control(
            model, transform, vae, real, forms, sampler, num_samples, seed, folder / "pieces", progress
        )  # fmt: skip
    text = json.dumps(report, indent=1, allow_nan=False)
    write_atomically(folder / "report.json", (text + "\n").encode())
    write_atomically(folder / "tables.md", tables(report).encode())
    write_atomically(folder / "summary.csv", summary_csv(report).encode())
    write_atomically(folder / "summary.tex", summary_latex(report).encode())
    _draw(folder, sets, report, mask, transform)


def _hash_of_weights(*models):
    digest = hashlib.sha256()
    for model in models:
        for weights in model.get_weights():
            digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()


def _file_name(name):
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def _read_states(folder):
    """Dict of steps done to states (B, 32, D), in order."""
    states = {}
    for path in sorted(folder.glob("state_*.npz")):
        states[int(path.stem.removeprefix("state_"))] = read_npz(path)["x"]
    return states


def _histograms(tokens):
    statistics = piece_statistics(tokens)
    histograms = {}
    for label, name, bins in (("density", "note_density", DENSITY_BINS), ("range", "pitch_range", RANGE_BINS)):
        values = statistics[name]
        counts, _ = np.histogram(values[~np.isnan(values)], bins)
        edges = np.append(bins[:-1], 2 * bins[-2] - bins[-3])  # the last bin, which is open, drawn like the others
        histograms[label] = (edges.tolist(), counts.tolist())
    return histograms


def _draw(folder, sets, report, mask, transform):
    infilled = sets["infilling"]
    rows = {"Original": "Test data", "Diffusion": "Diffusion", "Interpolation": "Interpolation"}
    rows = {label: infilled[name].tokens[:2] for label, name in (rows | {"Prior": "N(0, I) prior"}).items()}
    figures.plot_infills(rows, mask, folder / "figure_2_infills.png")
    refinement = report["refinement"]
    ends = ("value", "low", "high")
    curves = {  # None becomes NaN
        label: np.array([[figure[end] for figure in curve] for end in ends], dtype=np.float64)
        for label, curve in refinement["curves"].items()
    }
    figures.plot_refinement(
        100 * np.array(refinement["progress"]),
        curves,
        folder / "figure_3_refinement.png",
        real_music={label: np.float64(figure["value"]) for label, figure in refinement["test_data"].items()},
    )
    stddev = np.array(report["posterior_stddev"])
    figures.plot_posterior_stddev(stddev, _THRESHOLD, transform.kept_dims, folder / "figure_5_posterior_stddev.png")
    sheets = ["Test data", "Diffusion", "Autoregression", "Interpolation", "N(0, I) prior"]
    for number, name in enumerate(sheets, start=6):
        path = folder / f"figure_{number}_{_file_name(name)}.png"
        figures.plot_piano_roll_sheet(sets["unconditional"][name].tokens[:16], path, title=name)
    figures.plot_histograms({name: report["histograms"][name] for name in sheets}, folder / "histograms.png")
