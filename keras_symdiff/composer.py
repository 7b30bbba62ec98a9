"""A loaded preset, and what people do with it."""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.autoregressive.continue_pieces import continue_pieces
from keras_symdiff.autoregressive.latent_mdn import LatentMDN
from keras_symdiff.check_integer import check_integer
from keras_symdiff.compilation_cache import use_compilation_cache
from keras_symdiff.constants import BARS_PER_PHRASE, NOTE_OFF, PIECE_PHRASES, STEPS_PER_BAR
from keras_symdiff.diffusion.generate import infill, sample
from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
from keras_symdiff.diffusion.sampler import Sampler, as_sampler
from keras_symdiff.infilling.asked import NO_FORM, Asked, check_temperature
from keras_symdiff.infilling.infill_request import MOST_SEEDS, InfillRequest
from keras_symdiff.infilling.layout import transpose_within_range
from keras_symdiff.infilling.make_takes import make_takes
from keras_symdiff.infilling.take import Take
from keras_symdiff.infilling.take_record import read_take
from keras_symdiff.infilling.takes import Takes
from keras_symdiff.infilling.told import tell_new, window
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.music.form import Form, FormTable
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.pitch_bias import KEY_COST
from keras_symdiff.music.song import Song
from keras_symdiff.noise_streams import PIECES_PER_WINDOW
from keras_symdiff.presets.default import DEFAULT_PRESET
from keras_symdiff.presets.preset import FORMS_FILE, hash_preset, is_baseline, knows_one_key, preset_folder
from keras_symdiff.presets.training_phrases import read_training_phrases
from keras_symdiff.vae.music_vae import MusicVAE

FEWEST_BARS, MOST_BARS = 4, 512
MOST_MELODIES = 10_000  # in a call, which holds them all

Progress = Callable[[str, int, int], None]


class IgnoredWarning(UserWarning):
    """Something is asked for that the preset cannot hear."""


class Composer:
    """Composes melodies and new bars of songs with a loaded preset.

    Args:
        model: `LatentDiffusion`; or `LatentMDN`, the baseline, which composes but does not infill.
        transform: `LatentTransform` of its latents.
        vae: `MusicVAE` of its phrases.
        name: the preset's name, or the absolute path of its folder; records and pages name it. Defaults to `""`.
        sha256: hash of each file that decides the music, by its path in the folder. Defaults to none.
        one_key: whether the model knows music in C major and A minor only; all else is moved there and back. Defaults
            to `False`.
        forms: those of training pieces, from which the forms of new music are drawn. Defaults to `None`: none.
        training_phrases: hashes of the phrases it was trained on, by which takes are called new. Defaults to `None`.

    Example:
    ```python
    composer = keras_symdiff.Composer.from_preset("lakh_small")
    melodies = composer.compose(2, seed=1, quality="draft")
    takes = composer.infill("song.mid", bars="17-32", takes=2, quality="draft")
    takes.write("out")
    ```
    """

    def __init__(
        self,
        model: LatentDiffusion | LatentMDN,
        transform: LatentTransform,
        vae: MusicVAE,
        name: str = "",
        sha256: dict[str, str] | None = None,
        one_key: bool = False,
        forms: FormTable | None = None,
        training_phrases: np.ndarray | None = None,
    ):
        self.model = model
        self.transform = transform
        self.vae = vae
        self.name = name
        self.sha256 = sha256 or {}
        self.one_key = one_key
        self.forms = forms
        self.training_phrases = training_phrases

    @classmethod
    def from_preset(cls, preset: str | Path = DEFAULT_PRESET) -> "Composer":
        """Loads a preset.

        Args:
            preset: name of a shipped preset, path of a preset folder or run directory, or `hf://user/name` of one on
                the Hugging Face hub (extra `hub`). Where it holds no diffusion model, its baseline is loaded.

        Raises:
            ValueError: if there is none, or its files are damaged.
        """
        use_compilation_cache()
        folder = preset_folder(preset)
        kind = LatentMDN if is_baseline(folder) else LatentDiffusion
        return cls(
            kind.from_preset(str(folder)),
            LatentTransform.from_preset(folder),
            MusicVAE.from_preset(str(folder)),
            str(Path(preset).resolve()) if Path(preset).is_dir() else str(preset),
            hash_preset(folder),
            knows_one_key(folder),
            FormTable.load(folder / FORMS_FILE) if (folder / FORMS_FILE).is_file() else None,
            read_training_phrases(folder),
        )

    def compose(
        self,
        num_melodies: int = 1,
        seed: int = 0,
        quality: str | Sampler = "normal",
        bars: int = PIECE_PHRASES * BARS_PER_PHRASE,
        chords: str | None = None,
        key: str | None = None,
        density: float | None = None,
        pitch_range: str | Sequence[str] | None = None,
        form: str | None = None,
        key_cost: float = KEY_COST,
        temperature: float = 1e-3,
        progress: Progress | None = None,
        first_melody: int = 0,
    ) -> list[Melody]:
        """Composes melodies.

        A melody depends on `seed` and its index only, up to float32 rounding: not on the backend or on `num_melodies`.

        Args:
            num_melodies: in [1, 10000].
            seed: in [0, 2^32).
            quality: `"draft"`, `"normal"`, `"best"`, or a `Sampler`. The baseline has one quality.
            bars: length in 4/4 bars, in [4, 512]. More than 64 are composed in windows of 64, each of which hears the
                32 bars before it.
            chords: progression to compose over, such as `"C | Am F | G7 | %"`: bars separated by `|`, `%` for the bar
                before. It is repeated to the length asked for.
            key: such as `"A minor"`. Defaults to `None`: that of the chords, else of the model.
            density: onsets per bar.
            pitch_range: lowest and highest pitch, such as `"C4-C6"` or `("C4", "C6")`.
            form: letters of 8 bars (or 4), `'` for a variation: `"AABA'"`; or `"none"`. Defaults to `None`: that of a
                training piece, with its registers, densities and range, if the preset has them.
            key_cost: nats that notes outside the key cost in decoding; 0 for free decoding.
            temperature: of decoding; 0.001 is effectively greedy.
            progress: called with (what is going on, steps done, steps in total). Defaults to `None`.
            first_melody: index of the first one among those of the seed.

        Returns:
            `num_melodies` melodies.

        Raises:
            ValueError: if an argument is out of range.
        """
        check_integer("num_melodies", num_melodies, 1, MOST_MELODIES)
        check_integer("seed", seed, 0, MOST_SEEDS - 1)
        check_integer("bars", bars, FEWEST_BARS, MOST_BARS)
        check_integer("first_melody", first_melody, 0, MOST_SEEDS - 1)
        check_temperature(temperature)
        asked = Asked(
            chords=chords, key=key, density=density, pitch_range=pitch_range, form=form, key_cost=key_cost
        )  # fmt: skip
        asked.check_new(bars)
        self._warn_of_what_is_ignored(asked)
        num_phrases = -(-bars // BARS_PER_PHRASE)
        told = [
            tell_new(asked, self._form(form, num_phrases, seed, index), num_phrases, self.hears, self.one_key)
            for index in range(first_melody, first_melody + num_melodies)
        ]
        report = _labelled(progress, "Sampling")
        scaled = self._compose_latents(told, first_melody, num_phrases, seed, as_sampler(quality), report)
        latents = self.transform.inverse(scaled).reshape(-1, self.vae.latent_dim)
        biases = [one.bias for one in told if one.bias is not None]  # of all or none
        bias = np.concatenate(biases) if biases else None
        report, first = _labelled(progress, "Decoding"), first_melody * num_phrases
        tokens = self.vae.decode(latents, temperature, seed, report, bias=bias, first_phrase=first)
        tokens = transpose_within_range(tokens, -told[0].semitones)
        return [_melody(phrases, bars) for phrases in tokens.reshape(num_melodies, num_phrases, -1)]

    def infill(
        self,
        song: Song | str | Path | bytes,
        bars: str | Sequence[str] = (),
        takes: int = 1,
        seed: int = 0,
        quality: str | Sampler = "normal",
        continue_bars: int = 0,
        track: int | None = None,
        track_name: str | None = None,
        keep: str | None = None,
        keep_notes: Sequence[tuple[int, int]] = (),
        harmony: bool = True,
        chords: str | None = None,
        key: str | None = None,
        density: float | str | None = None,
        pitch_range: str | Sequence[str] | None = None,
        form: str | None = None,
        key_cost: float = KEY_COST,
        like: Take | str | Path | None = None,
        variation: float = 0.3,
        temperature: float = 1e-3,
        progress: Progress | None = None,
    ) -> Takes:
        """Composes bars of a song's melody anew, fitting the bars around them.

        Args:
            song: a MIDI file: its path, its bytes, or a `Song`.
            bars: bars to compose, from 1, both ends included: `"17-32"`, `"17"`, or with beats `"17.3-18.2"`; or a list
                of such.
            takes: how many takes to compose, in [1, 64].
            seed: in [0, 2^32).
            quality: `"draft"`, `"normal"`, `"best"`, or a `Sampler`.
            continue_bars: bars to compose after the melody's last one.
            track: the melody's track, from 1, as `symdiff inspect` numbers it. Defaults to `None`: the most melodious.
            track_name: its name, in place of `track`.
            keep: `"rhythm"` or `"pitches"`, what stays of the notes in the bars. Defaults to `None`: nothing.
            keep_notes: notes (tick, pitch) in the bars that stay as they are.
            harmony: whether the model hears the other tracks.
            chords: progression in place of what they sound, such as `"C | Am F | G7 | %"`, from the first new bar on.
            key: such as `"A minor"`. Defaults to `None`: estimated.
            density: onsets per bar, or relative to the given bars: `"+1"`, `"-0.5"`.
            pitch_range: lowest and highest pitch, such as `"C4-C6"` or `("C4", "C6")`.
            form: letters of 8 bars (or 4) from the first new bar on, `'` for a variation: `"AA'"`; `"original"` to
                repeat what the song repeats there, or `"none"`. Defaults to `None`: drawn for each take from training
                pieces that repeat what the given bars do, if the preset has them, where the chords allow it; none with
                `density`, `pitch_range`, `keep`, `keep_notes` or `like`.
            key_cost: nats that notes outside the key cost in decoding, where the key is sure; 0 for free decoding.
            like: an earlier take of the song to start from: a `Take`, or the path of its record. Defaults to `None`.
            variation: how far to go from it, in (0, 1].
            temperature: of decoding; 0.001 is effectively greedy.
            progress: called with (what is going on, steps done, steps in total). Defaults to `None`.

        Returns:
            `Takes`, best first.

        Raises:
            MidiError: if the song cannot be read, or the bars are not there.
            ValueError: if an argument is out of range, or the preset has no diffusion model.
        """
        rule = "a string such as '17-32', or a list of such"
        request = InfillRequest(
            bars=(bars,) if isinstance(bars, str) else _listed("bars", bars, rule),
            continue_bars=continue_bars, track=track, track_name=track_name, keep=keep,
            keep_notes=tuple(_listed("keep_notes", note) for note in _listed("keep_notes", keep_notes)),
            takes=takes, seed=seed, sampler=as_sampler(quality), temperature=temperature, harmony=harmony,
            chords=chords, key=key, density=density, pitch_range=pitch_range, form=form, key_cost=key_cost,
            variation=variation,
        )  # fmt: skip
        if isinstance(self.model, LatentMDN):
            raise ValueError(f"The baseline composes new melodies only. Received: the preset {self.name}")
        self._warn_of_what_is_ignored(request)
        piece = request.find(Song.open(song))
        if like is not None:
            melody = like.melody if isinstance(like, Take) else read_take(like, piece.song, piece.melody.track)
            request = request.varying(melody, piece)
        return make_takes(request, self, piece, _labelled(progress, "Sampling"))

    def encode(self, melodies: Sequence[Melody]) -> list[Float[np.ndarray, "N Z"]]:
        """Encodes melodies as latents, one per 2-bar phrase.

        Args:
            melodies: a list of `Melody`.

        Returns:
            The mean latents of each melody's phrases.
        """
        melodies = _listed("melodies", melodies)
        if not all(isinstance(melody, Melody) for melody in melodies):
            raise ValueError(f"`melodies` must be a list of `Melody`. Received: melodies={melodies!r:.200}")
        tokens = [melody.phrases()[0] for melody in melodies]
        if not tokens:
            return []
        mean, _ = self.vae.encode(np.concatenate(tokens))
        return np.split(mean, np.cumsum([len(phrases) for phrases in tokens])[:-1])

    def decode(
        self, latents: Sequence[Float[np.ndarray, "N Z"]], temperature: float = 1e-3, seed: int = 0
    ) -> list[Melody]:
        """Decodes latents to melodies, the inverse of `encode`.

        Args:
            latents: the latents of each melody's phrases.
            temperature: of decoding; 0.001 is effectively greedy.
            seed: in [0, 2^32).

        Returns:
            A melody for each, from bar 1 on.
        """
        check_temperature(temperature)
        check_integer("seed", seed, 0, MOST_SEEDS - 1)
        latents = _listed("latents", latents)
        if not all(np.shape(of_melody)[1:] == (self.vae.latent_dim,) for of_melody in latents):
            raise ValueError(
                f"`latents` must be a list of arrays (N, {self.vae.latent_dim}). Received: latents={latents!r:.200}"
            )
        if not latents:
            return []
        tokens = self.vae.decode(np.concatenate(latents), temperature, seed)
        ends = np.cumsum([len(phrases) for phrases in latents])[:-1]
        return [Melody.from_phrases(phrases) for phrases in np.split(tokens, ends)]

    @property
    def hears(self) -> bool:
        """Whether the model hears the harmony, and what is asked of density and register."""
        return getattr(self.model.network, "condition_dim", None) is not None

    def _warn_of_what_is_ignored(self, asked):
        ignored = [name for name in ("chords", "density") if getattr(asked, name) is not None]
        if ignored and not self.hears:
            names = " and ".join(ignored)
            message = f"{self.name or 'This model'} hears no harmony: it ignores {names}"
            warnings.warn(message, IgnoredWarning, stacklevel=3)

    def _form(self, text, num_phrases, seed, index) -> Form | None:
        """The form of a new piece: of letters, or drawn, anew every 64 bars."""
        if text not in (None, NO_FORM):
            return Form.parse(text, num_phrases)
        if text == NO_FORM or self.forms is None:
            return None
        parts = []
        for first in range(0, num_phrases, PIECE_PHRASES):
            number = first // PIECE_PHRASES * PIECES_PER_WINDOW + index
            parts.append(self.forms.draw(min(PIECE_PHRASES, num_phrases - first), seed, number))
        return Form.joined(parts)

    def _compose_latents(self, told, first_piece, num_phrases, seed, sampler, report) -> Float[np.ndarray, "B L D"]:
        """Scaled latents of new melodies, in windows of which each hears half of the one before."""
        num_melodies = len(told)
        if num_phrases > PIECE_PHRASES and first_piece + num_melodies > PIECES_PER_WINDOW:
            raise ValueError(
                f"A seed has {PIECES_PER_WINDOW:,} melodies of more than 64 bars. "
                f"Received: melodies {first_piece} to {first_piece + num_melodies - 1}"
            )
        if isinstance(self.model, LatentMDN):
            if num_phrases > PIECE_PHRASES:
                raise ValueError(f"The baseline composes up to 64 bars. Received: {num_phrases * BARS_PER_PHRASE} bars")
            nothing_given = np.zeros((num_melodies, 0, self.transform.num_kept_dims))
            new = continue_pieces(self.model, nothing_given, seed, progress=report, first_piece=first_piece)
            return new[:, :num_phrases]
        length = self.model.denoiser.num_positions or PIECE_PHRASES
        half = length // 2
        scaled = np.zeros((num_melodies, 0, self.transform.num_kept_dims), "float32")
        for place in range(max(1, -(-(num_phrases - half) // half))):
            first, end = place * half, min(place * half + length, num_phrases)
            heard: dict[str, Any] = window(told, first, end, length, self.hears)
            if not place:
                new = sample(
                    self.model, num_melodies, seed, progress=report, first_piece=first_piece, sampler=sampler, **heard
                )
            else:
                given = np.pad(scaled[:, -half:], ((0, 0), (0, length - half), (0, 0)))
                keep_mask = np.tile(np.arange(length) < half, (num_melodies, 1))
                number = place * PIECES_PER_WINDOW + first_piece
                new = infill(
                    self.model, given, keep_mask, seed, progress=report, first_piece=number, sampler=sampler, **heard
                )[:, half:]
            scaled = np.concatenate([scaled, new], axis=1)
        return scaled[:, :num_phrases]


def _melody(tokens: Int[np.ndarray, "N 32"], bars: int) -> Melody:
    """A melody of so many bars, the last phrase cut where they end."""
    if bars % BARS_PER_PHRASE:
        tokens = tokens.copy()
        tokens[-1, STEPS_PER_BAR:] = 0
        tokens[-1, STEPS_PER_BAR] = NOTE_OFF
    melody = Melody.from_phrases(tokens, time_signatures=((0, 4, 4),))
    return dataclasses.replace(melody, num_steps=bars * STEPS_PER_BAR)


def _listed(name, value, rule="a list") -> Any:  # a tuple
    try:
        return tuple(value)
    except TypeError as error:
        raise ValueError(f"`{name}` must be {rule}. Received: {name}={value!r:.200}") from error


def _labelled(progress, label):
    if progress is not None and not callable(progress):
        raise ValueError(f"`progress` must be a function. Received: progress={progress!r:.200}")
    return None if progress is None else lambda done, total: progress(label, done, total)
