"""`lmd_latents`: MusicVAE posteriors of the melodies of MIDI files."""

import collections
import dataclasses
import hashlib
import pathlib
import shutil
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

import keras_symdiff
from keras_symdiff.constants import PHRASE_STEPS, PIECE_PHRASES
from keras_symdiff.music.condition import BEATS_PER_PHRASE, HALVES_PER_PHRASE
from keras_symdiff.music.key import Key
from tfds_lmd_latents.data_card import CARD_FILE, write_data_card
from tfds_lmd_latents.encode_blocks import encode_blocks
from tfds_lmd_latents.encoder import MAGENTA_ENCODER, latent_dim_of, load_encoder
from tfds_lmd_latents.midi_files import cut_into_blocks, find_midi_files, hash_of_files, open_source
from tfds_lmd_latents.song_block import EncodedBlock, SongBlock
from tfds_lmd_latents.tunes import count_tunes, tunes_of

KEYS = [str(Key(tonic, mode)) for mode in ("major", "minor") for tonic in range(12)]
_URL = "https://", "http://", "gs://"
# Name: (URL, which files of the archive, licence of the music).
SOURCES = {
    "lakh": ("http://hog.ee.columbia.edu/craffel/lmd/lmd_full.tar.gz", "**/*", "CC BY 4.0"),
    # Its folders `versions` hold other arrangements of the same songs, which would cross splits.
    "pop909": (
        "https://github.com/music-x-lab/POP909-Dataset/archive/efa0bce09b0b8dc241957412270aba6740bd0bf5.zip",
        "*/POP909/*/*",
        "MIT",
    ),
}


@dataclasses.dataclass
class LmdLatentsConfig(tfds.core.BuilderConfig):
    """What the data set holds, of which music, encoded by what.

    Args:
        name: name of the config.
        layout: `"sequences"`, every 32 consecutive 2-bar phrases of a melody without a rest phrase, the paper's
            examples; or `"melodies"`, every melody whole, 32 times smaller.
        source: `"lakh"`, `"pop909"`, or path or URL of an archive, or path of a folder of MIDI files. Defaults to what
            lies in TFDS's `manual_dir`.
        encoder: path or URL of a Magenta checkpoint (`.tar`), a preset of keras_symdiff, or a run directory. Defaults
            to Magenta's `cat-mel_2bar_big`.
        latent_dim: size of the encoder's latents. Defaults to that of the preset or run directory; 512 otherwise.
        validation_share: float in [0, 1), about how many of the files are for validation, by their hashes; at least
            one, unless the share is 0. Defaults to the paper's 0.01.
        num_workers: processes that parse MIDI files; 0 parses in the building process. Defaults to one per core.
    """

    layout: str = "sequences"
    source: str | None = None
    encoder: str = MAGENTA_ENCODER
    latent_dim: int | None = None
    validation_share: float = 0.01
    num_workers: int | None = None

    def __post_init__(self):
        if self.layout not in ("sequences", "melodies"):
            raise ValueError(f"The layout is 'sequences' or 'melodies'. Received: layout={self.layout!r}")
        if not 0 <= self.validation_share < 1:
            raise ValueError(
                f"`validation_share` must be in [0, 1). Received: validation_share={self.validation_share}"
            )
        if self.latent_dim is None:
            self.latent_dim = latent_dim_of(self.encoder)


def _config(name, layout, source, encoder, description):
    return LmdLatentsConfig(name=name, layout=layout, source=source, encoder=encoder, description=description)


_SEQUENCES = "All 32 consecutive 2-bar phrases without a rest phrase"
_MELODIES = "All melodies, each whole and once"
_UNITS = {"pieces": "64-bar pieces in which no 2-bar phrase rests", "melodies": "melodies"}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds `lmd_latents`."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {
        "2.0.0": "Examples hold what the other tracks sound, density, register, key and metre, and a melody that "
        "several files vary is in one split.",
        "1.1.0": "A set of fewer than a hundred files has a validation split too; the share is an argument.",
        "1.0.0": "Initial release.",
    }
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "The configs `manual_*` are built from your own MIDI files: put them, or one archive of them, into manual_dir. "
        "The other configs download what they need."
    )
    BUILDER_CONFIGS = [
        _config("sequences", "sequences", "lakh", MAGENTA_ENCODER, f"{_SEQUENCES} of the Lakh MIDI Dataset."),
        _config("melodies", "melodies", "lakh", MAGENTA_ENCODER, f"{_MELODIES}, of the Lakh MIDI Dataset."),
        _config("pop909_sequences", "sequences", "pop909", "lakh_small", f"{_SEQUENCES} of POP909."),
        _config("pop909_melodies", "melodies", "pop909", "lakh_small", f"{_MELODIES}, of POP909."),
        _config("manual_sequences", "sequences", None, "lakh_small", f"{_SEQUENCES} of your own MIDI files."),
        _config("manual_melodies", "melodies", None, "lakh_small", f"{_MELODIES}, of your own MIDI files."),
    ]

    def _info(self):
        config = self.builder_config
        phrases = PIECE_PHRASES if config.layout == "sequences" else None
        latents = {"shape": (phrases, config.latent_dim), "dtype": np.float32, "encoding": "bytes"}
        told = {"shape": (phrases,), "dtype": np.float32, "encoding": "bytes"}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "mean": tfds.features.Tensor(**latents, doc="Posterior means of the 2-bar phrases."),
                    "stddev": tfds.features.Tensor(**latents, doc="Posterior standard deviations."),
                    "tokens": tfds.features.Tensor(
                        shape=(phrases, PHRASE_STEPS),
                        dtype=np.int8,
                        encoding="bytes",
                        doc="One a sixteenth: 0 no event, 1 note-off, 2..89 onset of pitch token + 19.",
                    ),
                    "chroma": tfds.features.Tensor(
                        shape=(phrases, BEATS_PER_PHRASE, 12),
                        dtype=np.uint8,
                        encoding="bytes",
                        doc="In how many of 254 parts of each beat the other tracks sound each pitch class, C first; "
                        "255 where there are none.",
                    ),
                    "density": tfds.features.Tensor(**told, doc="Onsets per bar of 16 real steps."),
                    "register": tfds.features.Tensor(**told, doc="Mean pitch of the onsets; NaN without one."),
                    "real_steps": tfds.features.Tensor(
                        shape=(phrases, HALVES_PER_PHRASE),
                        dtype=np.uint8,
                        encoding="bytes",
                        doc="Of the 16 steps of each half of a phrase, how many are the song's and not filled up.",
                    ),
                    "key": tfds.features.ClassLabel(names=KEYS, doc="Key of the whole melody, estimated."),
                    "metre": tfds.features.Text(doc="Time signature where the example starts, such as 3/4."),
                    "file": tfds.features.Text(doc="Name of the MIDI file in its source."),
                    "file_hash": tfds.features.Text(doc="SHA-256 of the MIDI file."),
                    "track": tfds.features.Scalar(np.int32, doc="Index of the instrument in its file."),
                    "first_bar": tfds.features.Scalar(
                        np.int32, doc="Bar of the file, from 0, in which the example starts."
                    ),
                    "qpm": tfds.features.Scalar(np.float32, doc="Tempo there, in quarters a minute."),
                }
            ),
            homepage="https://arxiv.org/abs/2103.16091",
            license=_licence(config.source),
            metadata=tfds.core.MetadataDict(),
        )

    def download_and_prepare(self, **kwargs: Any) -> None:
        super().download_and_prepare(**kwargs)
        for killed in self.data_path.parent.glob(f"incomplete.*_{self.version}"):
            shutil.rmtree(killed)
        if not (self.data_path / CARD_FILE).exists():  # also if an earlier call was killed before its card
            write_data_card(self)

    def _download_and_prepare(self, dl_manager, download_config):
        self._beam = download_config.beam_runner, download_config.beam_options
        super()._download_and_prepare(dl_manager, download_config)

    def _split_generators(self, dl_manager):
        config = self.builder_config
        cache = pathlib.Path(self._data_dir_root) / "downloads" / "lmd_latents"
        encoder = str(dl_manager.download(config.encoder) if config.encoder.startswith(_URL) else config.encoder)
        vae = load_encoder(encoder)
        if vae.latent_dim != config.latent_dim:
            raise ValueError(
                f"The data set's latents have {config.latent_dim} dimensions. "
                f"Received: encoder={config.encoder} with {vae.latent_dim}"
            )
        folder, pattern, licence = self._open_source(dl_manager, cache)
        files, self._dropped = find_midi_files(folder, pattern)
        source_hash = hash_of_files(files)
        tunes = tunes_of(files, cache / "tunes" / f"{source_hash}.npy", config.num_workers)
        self._blocks = cut_into_blocks(files, config.validation_share, tunes)
        about = {
            "encoder": config.encoder,
            "encoder_fingerprint": vae.fingerprint(),
            "source": config.source or "manual_dir",
            "source_hash": source_hash,
            "tunes": count_tunes(tunes),
            "licence": licence,
            "keras_symdiff": keras_symdiff.__version__,
        }
        self.info.metadata.update(about)
        splits = sorted({block.split for block in self._blocks})
        key = [about["source_hash"], about["encoder_fingerprint"], about["keras_symdiff"], str(self.version)]
        key.append(str(config.validation_share))
        blocks = cache / "encoded" / hashlib.sha256(" ".join(key).encode()).hexdigest()[:32]
        if any(self._beam):
            from tfds_lmd_latents.beam_pipeline import encode_with_beam

            self._paths = encode_with_beam(self._blocks, encoder, blocks, config.num_workers, *self._beam)
        else:
            self._paths = encode_blocks(self._blocks, encoder, blocks, config.num_workers, _progress)
        counts = self._report()
        unit = {"sequences": "pieces", "melodies": "melodies"}[config.layout]
        if not counts.get("train", {}).get(unit):
            raise ValueError(f"The training split must hold {_UNITS[unit]}. Received: {counts}")
        return {split: self._generate_examples(split) for split in splits if counts[split][unit]}

    def _generate_examples(self, split):
        for block, path in zip(self._blocks, self._paths, strict=True):
            if block.split == split:
                yield from EncodedBlock.load(path).examples(self.builder_config.layout)

    def _open_source(self, dl_manager, cache):
        """Returns (folder, glob below it, licence) of the music."""
        source = self.builder_config.source
        url, pattern, licence = SOURCES.get(source, (source, "**/*", _licence(source)))
        if url is None:
            url = dl_manager.manual_dir
        if str(url).startswith(_URL):
            url = dl_manager.download(url)
        return open_source(url, cache / "unpacked"), pattern, licence

    def _report(self):
        """Counts what went in and what was dropped, into the metadata and `dropped_files.tsv`; returns the counts."""
        counts, dropped = {}, list(self._dropped)
        for block, path in zip(self._blocks, self._paths, strict=True):
            songs = SongBlock.load(path)
            dropped += songs.corpus.skipped
            counts.setdefault(block.split, collections.Counter()).update(songs.counts())
        counts = {split: dict(counter) for split, counter in counts.items()}
        self.info.metadata["counts"] = counts | {"dropped": _count_reasons(dropped)}
        lines = [f"{name}\t{reason}\n" for name, reason in sorted(dropped)]
        (self.data_path / "dropped_files.tsv").write_text("".join(["file\treason\n", *lines]), encoding="utf-8")
        return counts


def _licence(source):
    """Of the music; the vectors made of it are in the same case."""
    return SOURCES[source][2] if source in SOURCES else "that of your files"


def _count_reasons(dropped):
    """Numbers of dropped files by reason, without the particulars in brackets."""
    return dict(collections.Counter(reason.split(" (")[0] for _, reason in dropped).most_common())


def _progress(done, total):
    logging.info("Encoded %d of %d blocks of files", done, total)
