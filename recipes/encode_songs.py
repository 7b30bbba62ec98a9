"""Encodes the songs of a split for `symdiff evaluate`.

    python recipes/encode_songs.py SONGS --preset songs -o test.npz
    symdiff evaluate --run songs_small --baseline songs_small --data test.npz --quality normal -o report

SONGS is what prepare_songs.py wrote.
"""

from pathlib import Path

import click
import numpy as np
from pieces import ARCHIVES
from songs import SHARES

from keras_symdiff import MusicVAE
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import Corpus, chroma_parts


def read_corpus(path: Path) -> Corpus:
    """The lines of one file that prepare_songs.py wrote."""
    with np.load(path, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    chroma = data["chroma"].astype("float32") / SHARES
    chroma[~data["accompanied"]] = np.nan
    return Corpus(
        tokens=data["tokens"][data["inverse"]],
        rests=data["rests"],
        offsets=data["offsets"].astype(np.int64),
        names=[f"{path.stem}#{number}" for number in range(len(data["offsets"]) - 1)],
        num_files=len(data["offsets"]) - 1,
        skipped=[],
        chroma=chroma_parts(chroma),
        real_steps=data["real_steps"].astype(np.uint8),
    )


@click.command()
@click.argument("songs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--preset", type=click.Choice(sorted(ARCHIVES)), required=True)
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(songs: Path, preset: str, split: str, output: Path) -> None:
    """Encodes by the MusicVAE that both presets share."""
    paths = [songs / f"{archive}_{split}.npz" for archive in ARCHIVES[preset]]
    corpus = Corpus.concatenate([read_corpus(path) for path in paths if path.exists()])
    LatentCorpus.encode(MusicVAE.from_preset(), corpus).save(output)
    click.echo(f"{len(corpus.names)} lines, {len(corpus.tokens)} phrases")


if __name__ == "__main__":
    main()
