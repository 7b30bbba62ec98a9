"""The songs, melodies and latents that several verbs read."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.cli.console import counted, labelled_bar
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.split_windows import split_windows
from keras_symdiff.music.corpus import Corpus, read_corpus
from keras_symdiff.music.song import MAX_FILE_BYTES, Song
from keras_symdiff.music.transpose import corpus_in_home_key


def open_song(path: str) -> Song:
    """Reads a MIDI file, or standard input where the path is `-`."""
    if path != "-":
        return Song.open(path)
    return Song.open(sys.stdin.buffer.read(MAX_FILE_BYTES + 1))


def read_corpus_of(paths: Sequence[str]) -> Corpus:
    """Reads melodies with a progress bar, and names the files that were skipped."""
    corpus = read_corpus(list(paths), labelled_bar("Reading MIDI files"))
    for path, reason in corpus.skipped:
        click.echo(f"Skipped {path}: {reason}", err=True)
    if corpus.skipped:
        click.echo(f"{len(corpus.skipped)} of {corpus.num_files + len(corpus.skipped)} files skipped", err=True)
    return corpus


def read_latents_of(vae: Any, paths: Sequence[str], one_key: bool = False) -> LatentCorpus:
    """Encodes the melodies of MIDI paths, or reads `.npz` files that `encode` wrote with the same encoder.

    With `one_key` all are moved to C major or A minor, and encoded there.
    """
    encoded = [
        sorted(path.glob("*.npz")) if path.is_dir() else [path] * (path.suffix == ".npz") for path in map(Path, paths)
    ]
    if not any(encoded):
        corpus = read_corpus_of(paths)
        corpus = corpus_in_home_key(corpus) if one_key else corpus
        return LatentCorpus.encode(vae, corpus, labelled_bar("Encoding phrases"))
    if not all(encoded):
        raise click.ClickException("Name either MIDI files or .npz files that `encode` wrote")
    parts = []
    for file in (file for files in encoded for file in files):
        parts.append(LatentCorpus.load(file))
        check_encoder(parts[-1], file, vae)
    latents = LatentCorpus.concatenate(parts)
    return latents.in_home_key(vae) if one_key else latents


def check_encoder(latents: LatentCorpus, path: str | Path, vae: Any) -> None:
    """Refuses the latents of a file that another `MusicVAE` encoded."""
    if latents.encoder != vae.fingerprint():
        raise click.ClickException(f"{path} was encoded by another MusicVAE than the one named here")


def read_pieces_of(
    vae: Any, paths: Sequence[str], validation: str | None = None
) -> tuple[LatentCorpus, Int[np.ndarray, "P 32"], Float[np.ndarray, "V 32 Z"]]:
    """Encodes melodies, or reads their latents, and separates the pieces to train on from those to validate on.

    Args:
        vae: `MusicVAE`.
        paths: MIDI files, folders, or `.npz` files.
        validation: such a path, of the pieces to validate on. Defaults to `None`: a twentieth of the files.

    Returns:
        Tuple of the training files' `LatentCorpus`, int array (P, 32) of training pieces, as rows of its latents, and
        float array (V, 32, Z) of the latents to validate on.
    """
    latents = read_latents_of(vae, paths)
    if validation is None:
        train, held_out = split_windows(latents)
        held_out = latents.mean[held_out]
    else:
        other = read_latents_of(vae, [validation])
        train, held_out = latents.windows(), other.mean[other.windows()]
    _check_pieces(train, held_out, "64 bars", validation)
    return latents, train, held_out


def read_songs_of(
    vae: Any, paths: Sequence[str], validation: str | None = None
) -> tuple[LatentCorpus, Int[np.ndarray, "S M"], Float[np.ndarray, "V 32 Z"], tuple[Any, Float[np.ndarray, "V 32 C"]]]:
    """As `read_pieces_of`, with conditions: runs of 16 bars and more, in C major or A minor.

    Returns:
        Tuple of the training files' `LatentCorpus`, int array (S, M) of training songs, as rows of its latents, then
        -1, float array (V, 32, Z) of the latents to validate on, and a pair of the `ToldSongs` to train on and the
        conditions (V, 32, C) to validate on.
    """
    from keras_symdiff.training.told_songs import ToldSongs  # here: it imports Keras

    latents = other = read_latents_of(vae, paths, one_key=True)
    songs = ToldSongs.of(latents)
    if validation is None:
        songs, held_out = songs.split(latents.corpus.names)
    else:
        other = read_latents_of(vae, [validation], one_key=True)
        held_out = ToldSongs.of(other)
    rows, conditions = held_out.pieces()
    _check_pieces(songs, rows, "16 to 64 bars", validation)
    return latents, songs.rows, other.mean[rows], (songs, conditions)


def _check_pieces(train, held_out, length, validation):
    click.echo(f"{counted(len(train), 'piece')} of {length} to train on, {len(held_out):,} to validate")
    if not len(train) or not len(held_out):
        raise click.ClickException(
            f"Training and validation need pieces of {length} in which no 2-bar phrase rests; give more files"
            + (", or name some with --validation" if validation is None else "")
        )
