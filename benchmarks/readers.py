"""Batches per second that the readers of `lmd_latents` give, against arrays in memory; prints the table for README.md.

    python benchmarks/readers.py MIDI [--encoder lakh_small] [--batch 64] [--seconds 2]

Builds MIDI in both formats in a temporary folder, then reads in turns, one reader at a time. No model is run.
"""

import os
import statistics
import tempfile
import time

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import numpy as np

ROUNDS = 3


def endless(batches):
    """Batches of a Keras data set, epoch after epoch."""
    while True:
        for index in range(len(batches)):
            yield batches[index]


def readers(folder, transform, batch, conditions):
    """Name of each reader, and what makes its endless iterator."""
    import grain
    import tensorflow_datasets as tfds
    import torch.utils.data

    import tfds_lmd_latents
    from keras_symdiff.training.seeded_batches import SeededBatches

    source = tfds.data_source("lmd_latents/benchmark", split="train", data_dir=f"{folder}/array_record")
    pieces = tfds_lmd_latents.Pieces(source, transform, conditions)
    everything = pieces[np.arange(len(pieces))]
    shuffled = grain.MapDataset.source(pieces).seed(0).shuffle().repeat().batch(batch)
    dataset = tfds.load("lmd_latents/benchmark", split="train", data_dir=f"{folder}/tfrecord", shuffle_files=True)
    dataset = tfds_lmd_latents.pieces_dataset(dataset, transform, conditions).shuffle(1024).repeat().batch(batch)

    def loader(num_workers):
        loaded = torch.utils.data.DataLoader(
            pieces, batch, shuffle=True, drop_last=True, num_workers=num_workers, persistent_workers=num_workers > 0,
            multiprocessing_context="spawn" if num_workers else None,
        )  # fmt: skip
        while True:
            yield from loaded

    few_ahead = grain.ReadOptions(num_threads=16, prefetch_buffer_size=32)
    return {
        "arrays in memory, `SeededBatches`": lambda: endless(SeededBatches(everything, batch)),
        "`Pieces`, `SeededBatches`": lambda: endless(SeededBatches(pieces, batch)),
        "`Pieces`, Grain's `MapDataset`": lambda: (shuffled[index] for index in range(10**9)),
        "the same, 16 threads": lambda: iter(shuffled.to_iter_dataset(few_ahead)),
        "`Pieces`, `DataLoader`": lambda: loader(0),
        "the same, 2 workers": lambda: loader(2),
        "`pieces_dataset`, `tf.data`": dataset.prefetch(2).as_numpy_iterator,
    }


def build(midi, encoder, folder):
    """Builds both formats; the second one encodes nothing anew."""
    import tensorflow_datasets as tfds

    import tfds_lmd_latents

    config = tfds_lmd_latents.LmdLatentsConfig(name="benchmark", source=midi, encoder=encoder, num_workers=0)
    for file_format in ("array_record", "tfrecord"):
        builder = tfds.builder(
            "lmd_latents", config=config, data_dir=f"{folder}/{file_format}", file_format=file_format
        )
        builder.download_and_prepare()
    return builder


@click.command()
@click.argument("midi", type=click.Path(exists=True))
@click.option("--encoder", default="lakh_small")
@click.option("--batch", default=64)
@click.option("--seconds", default=2.0)
def main(midi, encoder, batch, seconds):
    """Prints batches per second, the median of three rounds."""
    from keras_symdiff import LatentTransform

    with tempfile.TemporaryDirectory() as folder:
        builder = build(midi, encoder, folder)
        transform = LatentTransform.from_preset(encoder)
        rates = {}
        for conditions in (False, True):
            made = readers(folder, transform, batch, conditions)
            for _ in range(ROUNDS):
                for name, make in made.items():
                    batches = make()  # alone: what reads ahead would take the others' time
                    for _ in range(34):  # workers start, buffers fill and are used up
                        next(batches)
                    count, begin = 0, time.perf_counter()
                    while time.perf_counter() - begin < seconds:
                        next(batches)
                        count += 1
                    rate = count / (time.perf_counter() - begin)
                    rates.setdefault(name, {}).setdefault(conditions, []).append(rate)
                    if hasattr(batches, "close"):
                        batches.close()
                    del batches
        print(f"{builder.info.splits['train'].num_examples} pieces, batches of {batch}.\n")
        print("| reader | batches per second | with conditions |\n|---|---|---|")
        for name, of_kind in rates.items():
            print(f"| {name} | {' | '.join(f'{statistics.median(of_kind[kind]):.0f}' for kind in (False, True))} |")
        print(f"\nLoad {os.getloadavg()[0]:.1f}, {len(os.sched_getaffinity(0))} cores.")


if __name__ == "__main__":
    main()
