"""The pieces of a preset: latents and conditions of successive phrases, and how the device draws them."""

import dataclasses
from pathlib import Path

import numpy as np
from songs import SHARES

from keras_symdiff.constants import FIRST_ONSET, NUM_TOKENS, PIECE_PHRASES
from keras_symdiff.music.condition import PARTS, Condition
from keras_symdiff.music.key import estimate_key, pitch_class_weights
from keras_symdiff.music.transpose import to_home_key, transpose
from keras_symdiff.presets.preset import FORMS_FILE
from keras_symdiff.presets.reference_pieces import MOST_PIECES, write_reference_pieces
from keras_symdiff.presets.training_phrases import write_training_phrases
from keras_symdiff.training.piece_batches import SHORTEST_PIECE
from keras_symdiff.training.told_songs import cut_pieces, features_of_run, forms_of

ARCHIVES = {
    "songs": ("pop909", "songs_chords", "lieder", "songs", "hymns", "folk", "vocals"),
    "lakh": ("lakh_melody", "lakh_trio", "vocals"),
}
_LONGEST_DRAW = 56  # as `training.piece_batches` draws lengths
ACCOMPANIED_WEIGHT = 2.0  # how much oftener songs with harmony are drawn, in "songs"
KEYS = tuple(range(-5, 7))  # semitones, for pieces in every key
_REGISTER_SCALE = 24.0  # of `music.condition`


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """All rest-free runs of phrases of a preset's songs.

    Args:
        tokens: int8 array (U, 32), distinct phrases.
        rows: int array (N,), rows of `tokens`, run after run.
        features: float16 array (N, C), conditions; what they say of repeats does not matter.
        starts: int array (R,), where runs start.
        lengths: int array (R,), their numbers of phrases.
        weights: float array (R,), how often they are drawn.
        pitches: int array (R, 2), the lowest and the highest token of a run that is an onset.
    """

    tokens: np.ndarray
    rows: np.ndarray
    features: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    weights: np.ndarray
    pitches: np.ndarray

    @classmethod
    def read(cls, folder, preset, split, one_key):
        """Reads the files that prepare_songs.py wrote.

        Args:
            folder: path.
            preset: `"songs"` or `"lakh"`.
            split: `"train"`, `"validation"` or `"test"`.
            one_key: bool, whether every line is moved to C major or A minor.

        Returns:
            `Pieces`.
        """
        tokens, features, lengths, weights, pitches = [], [], [], [], []
        for archive in ARCHIVES[preset]:
            path = Path(folder) / f"{archive}_{split}.npz"
            if not path.exists():
                continue
            with np.load(path, allow_pickle=False) as file:
                data = {name: file[name] for name in file.files}
            phrases = data["tokens"][data["inverse"]]
            for first, end in zip(data["offsets"][:-1], data["offsets"][1:], strict=True):
                line, accompanied = phrases[first:end], bool(data["accompanied"][first])
                chroma = data["chroma"][first:end].astype("float32") / SHARES
                if not accompanied:
                    chroma = np.full(chroma.shape, np.nan, "float32")
                if one_key:
                    key, _ = estimate_key(pitch_class_weights(line, chroma))
                    line, chroma, _ = to_home_key(line, chroma, key)
                real_steps = data["real_steps"][first:end].astype(int)
                sounding = np.concatenate([[0], ~data["rests"][first:end], [0]]).astype(int)
                borders = np.flatnonzero(np.diff(sounding)).reshape(-1, 2)
                borders = borders[borders[:, 1] - borders[:, 0] >= SHORTEST_PIECE]
                for start, stop in borders:
                    run = line[start:stop]
                    tokens.append(run)
                    told = Condition.of(run, chroma[start:stop], real_steps[start:stop])
                    features.append(features_of_run(told))
                    lengths.append(stop - start)
                    share = (stop - start) / (borders[:, 1] - borders[:, 0]).sum()  # a song has one weight
                    weights.append(share * (ACCOMPANIED_WEIGHT if accompanied and preset == "songs" else 1.0))
                    onsets = run[run >= FIRST_ONSET]
                    pitches.append((onsets.min(), onsets.max()))
        distinct, rows = np.unique(np.concatenate(tokens), axis=0, return_inverse=True)
        lengths = np.array(lengths)
        return cls(
            distinct,
            rows.reshape(-1).astype(np.int32),
            np.concatenate(features),
            np.cumsum(lengths) - lengths,
            lengths,
            np.array(weights),
            np.array(pitches).astype(np.int32),
        )

    def write_what_ships(self, folder):
        """Writes what a preset knows of its training pieces: their forms, phrases (hashed), and some of the pieces."""
        forms_of(self.tokens, *self.windows()).save(folder / FORMS_FILE)
        write_training_phrases(folder, self.tokens)
        beginnings = np.stack(
            [self.rows[start : start + PIECE_PHRASES] for start in self.starts[self.lengths >= PIECE_PHRASES]]
        )
        beginnings = np.random.default_rng(0).permutation(beginnings)[:MOST_PIECES]
        write_reference_pieces(folder, self.tokens[beginnings])

    def windows(self, shortest=SHORTEST_PIECE):
        """The runs as `cut_pieces` cuts them."""
        return cut_pieces(self.rows, self.features, self.lengths, shortest)


def encode(vae, tokens, keys):
    """Posteriors of phrases in some keys.

    Args:
        vae: `MusicVAE`.
        tokens: int8 array (U, 32).
        keys: sequence of K semitones.

    Returns:
        Means and standard deviations, float32 arrays (K, U, Z).
    """
    posteriors = [vae.encode(transpose(tokens, np.full(len(tokens), semitones))) for semitones in keys]
    return np.stack([mean for mean, _ in posteriors]), np.stack([stddev for _, stddev in posteriors])


def device_data(pieces, latents, shortest=SHORTEST_PIECE):
    """What the device needs to draw pieces.

    Args:
        pieces: `Pieces`.
        latents: float array (K, U, D), scaled, in the keys of `KEYS`, or in one.
        shortest: int, of runs.

    Returns:
        dict of arrays.
    """
    kept = pieces.lengths >= shortest
    weights = pieces.weights[kept] * np.where(shortest == PIECE_PHRASES, pieces.lengths[kept], 1)
    return {
        "latents": latents.astype("float16"),
        "rows": pieces.rows,
        "features": pieces.features,
        "starts": pieces.starts[kept].astype(np.int32),
        "lengths": pieces.lengths[kept].astype(np.int32),
        "cumulative": (np.cumsum(weights) / weights.sum()).astype("float32"),
        # A run is moved by no more than its notes allow.
        "least": np.maximum(FIRST_ONSET - pieces.pitches[kept, 0], KEYS[0]).clip(max=0),
        "most": np.minimum(NUM_TOKENS - 1 - pieces.pitches[kept, 1], KEYS[-1]).clip(min=0),
    }


def draw_pieces(batch_size, full):
    """Makes the function that draws pieces on the device.

    Args:
        batch_size: int.
        full: bool, whether all have 32 phrases and come without their conditions.

    Returns:
        Function `(data, key) -> batch`.
    """
    import jax
    import jax.numpy as jnp

    def draw(data, key):
        of_run, of_length, of_start, of_key = jax.random.split(key, 4)
        run = jnp.searchsorted(data["cumulative"], jax.random.uniform(of_run, (batch_size,)), side="right")
        run = jnp.minimum(run, len(data["starts"]) - 1)
        length = data["lengths"][run]  # (B,)
        drawn = jax.random.randint(of_length, (batch_size,), SHORTEST_PIECE, _LONGEST_DRAW + 1)
        drawn = jnp.minimum(PIECE_PHRASES if full else jnp.minimum(drawn, PIECE_PHRASES), length)
        first = jnp.floor(jax.random.uniform(of_start, (batch_size,)) * (length - drawn + 1)).astype("int32")
        places = jnp.arange(PIECE_PHRASES)
        present = places < drawn[:, None]  # (B, L)
        at = (data["starts"][run] + first)[:, None] + jnp.where(present, places, 0)
        rows = jnp.where(present, data["rows"][at], -1)
        semitones = jnp.zeros(batch_size, "int32")
        if len(data["latents"]) > 1:
            semitones = jax.random.randint(of_key, (batch_size,), KEYS[0], KEYS[-1] + 1)
            semitones = jnp.clip(semitones, data["least"][run], data["most"][run])
        table = semitones - KEYS[0] if len(data["latents"]) > 1 else semitones
        latents = data["latents"][table[:, None], rows].astype("float32") * present[:, :, None]
        if full:
            return (latents,)
        condition = data["features"][at].astype("float32") * present[:, :, None]
        parts = {name: condition[:, :, part] for name, part in PARTS.items()}
        beats = parts["chroma"][:, :, :-1].reshape(batch_size, PIECE_PHRASES, -1, 12)
        classes = (jnp.arange(12) - semitones[:, None]) % 12  # (B, 12)
        beats = jnp.take_along_axis(beats, classes[:, None, None], axis=-1).reshape(batch_size, PIECE_PHRASES, -1)
        parts["chroma"] = jnp.concatenate([beats, parts["chroma"][:, :, -1:]], axis=-1)
        moved, known = parts["register"][:, :, :1], parts["register"][:, :, 1:]
        moved = moved + known * semitones[:, None, None] / _REGISTER_SCALE
        parts["register"] = jnp.concatenate([moved, known], axis=-1)
        earliest = jnp.argmax(rows[:, :, None] == rows[:, None], axis=-1)  # (B, L)
        plan = jax.nn.one_hot(earliest, PIECE_PHRASES) * present[:, :, None]
        parts["repeats"] = jnp.concatenate([plan, present[:, :, None].astype("float32")], axis=-1)
        condition = jnp.concatenate(list(parts.values()), axis=-1)
        return ((latents, condition),)

    return draw
