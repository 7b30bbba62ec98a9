"""The card of a built data set: what is in it, from where, and a picture of its latents."""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_symdiff.evaluation.figures import plot_posterior_stddev
from keras_symdiff.write_atomically import write_atomically
from tfds_lmd_latents.pieces import posteriors

CARD_FILE, PICTURE_FILE = "README.md", "posterior_stddev.png"
_EXAMPLES = 10_000  # shuffled, so that the first ones are a fair sample

_CARD = """# {name}

{description}

| | |
|---|---|
| source | {source}, SHA-256 of names and contents `{source_hash}` |
| licence of the music | {licence} |
| encoder | {encoder}, fingerprint `{encoder_fingerprint}` |
| built by | keras_symdiff {keras_symdiff}, `{file_format}` |

{splits}

{no_validation}{shared} files share a tune with another one, in whatever key and tempo: {tunes} tunes, of up to {most}
files. The files of a tune are in one split.

Files that were left out: {dropped}. `dropped_files.tsv` names each.

Latents, over {phrases} phrases of {examples} random training examples: {kept} of {latent_dim} dimensions have a mean
posterior standard deviation below 1.0; means lie in [{minimum:.2f}, {maximum:.2f}], with a standard deviation of
{deviation:.2f} in the median dimension that is kept.

![Posterior standard deviation](posterior_stddev.png)

The picture is the paper's Figure 5 for this data: at the prior's 1.0 the encoder says nothing in a dimension.
"""

_NO_VALIDATION = "There is no validation split: no file that was held out has an example.\n\n"


def write_data_card(builder: Any) -> None:
    """Writes `README.md` and `posterior_stddev.png` beside a data set's files.

    Args:
        builder: TFDS builder of a prepared `lmd_latents`.
    """
    metadata, info = builder.info.metadata, builder.info
    examples = min(_EXAMPLES, info.splits["train"].num_examples)
    count, sums = 0, np.zeros((3, info.features["mean"].shape[1]))  # of stddev, mean, mean ** 2
    minimum, maximum = np.inf, -np.inf
    for mean, stddev in posteriors(itertools.islice(read_split(builder, "train"), examples)):
        count += len(mean)
        sums += [stddev.sum(axis=0), mean.sum(axis=0), np.square(mean, dtype=np.float64).sum(axis=0)]
        minimum, maximum = min(minimum, mean.min()), max(maximum, mean.max())
    stddev, mean, square = sums / count  # (Z,) each
    kept = stddev < 1.0
    counts = metadata["counts"]
    columns = list(counts.get("train", {}))
    rows = [["split", "examples", *columns]]
    for split, split_info in info.splits.items():
        rows.append([split, split_info.num_examples, *(counts.get(split, {}).get(name, 0) for name in columns)])
    rows.insert(1, ["---"] * len(rows[0]))
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    card = _CARD.format(
        name=info.full_name,
        description=builder.builder_config.description or info.description,
        splits="\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows),
        no_validation="" if "validation" in info.splits else _NO_VALIDATION,
        dropped=", ".join(f"{count} {reason}" for reason, count in counts["dropped"].items()) or "none",
        phrases=count,
        examples=examples,
        kept=kept.sum(),
        latent_dim=len(kept),
        minimum=minimum,
        maximum=maximum,
        deviation=np.median(deviation[kept]) if kept.any() else 0.0,
        file_format=info.file_format.value,
        shared=metadata["tunes"]["files that share a tune"],
        tunes=metadata["tunes"]["tunes of several files"],
        most=metadata["tunes"]["most files of a tune"],
        **{key: value for key, value in metadata.items() if key not in ("counts", "tunes")},
    )
    plot_posterior_stddev(stddev, 1.0, np.flatnonzero(kept), builder.data_path / PICTURE_FILE)
    write_atomically(builder.data_path / CARD_FILE, card.encode())


def read_split(builder: Any, split: str) -> Iterable:
    """The examples of a split as dicts of NumPy arrays, one after another, in any format."""
    from tensorflow_datasets.core.file_adapters import FileFormat

    if builder.info.file_format == FileFormat.ARRAY_RECORD:
        return builder.as_data_source(split)
    return builder.as_dataset(split).as_numpy_iterator()
