"""Times the building of `lmd_latents` and training from it; prints the tables for README.md.

Each part is a process of its own, so that peak memory is its own, and one runs at a time:

    python benchmarks/tfds_build.py ingest POP909 [--files 100]       MIDI to tokens, against note-seq and Magenta
    python benchmarks/tfds_build.py build SOURCE... [--workers 2]     files/s, phrases/s, saving, peak memory
    python benchmarks/tfds_build.py worker FOLDER                     peak memory of a worker with Magenta's encoder
    python benchmarks/tfds_build.py estimate [--parse MS ...]         all of Lakh from these figures
    python benchmarks/tfds_build.py step [--steps 3] [--rounds 6]     a training step from tfds.load, from memory
"""

import argparse
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import time

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

LAKH_FILES = 176_581


def ingest(folder, num_files):
    """Milliseconds of processor time a file, ours and note-seq's, in turns over the same files."""
    import note_seq
    from note_seq import events_lib, melodies_lib, sequences_lib

    from tfds_lmd_latents.midi_files import find_midi_files
    from tfds_lmd_latents.song_block import SongBlock

    files = find_midi_files(folder)[0][:num_files]
    SongBlock.parse(files[:2])

    def magenta(path):
        """What Magenta's converter does: quantise, one melody an instrument, cut into 2-bar phrases of tokens."""
        sequence = note_seq.midi_file_to_note_sequence(path)
        for part in sequences_lib.split_note_sequence_on_time_changes(sequence):
            quantized = sequences_lib.quantize_note_sequence(part, steps_per_quarter=4)
            for instrument in {note.instrument for note in quantized.notes if not note.is_drum}:
                melody = melodies_lib.Melody()
                try:
                    melody.from_quantized_sequence(
                        quantized, instrument=instrument, gap_bars=float("inf"), ignore_polyphonic_notes=True
                    )
                except events_lib.NonIntegerStepsPerBarError:
                    continue
                events = np.array(list(melody), dtype=np.int16)
                events = events[: len(events) // 32 * 32].reshape(-1, 32)
                np.where(events >= 0, events - 19, events + 2)

    ours, theirs = [], []
    for file in files:
        start = time.process_time()
        SongBlock.parse([file])
        middle = time.process_time()
        magenta(file.path)
        ours.append(middle - start)
        theirs.append(time.process_time() - middle)
    ratio = np.median(theirs) / np.median(ours)
    print("| reader | CPU ms a file, median | mean |\n|---|---|---|")
    print(f"| `SongBlock.parse` | {1e3 * np.median(ours):.2f} | {1e3 * np.mean(ours):.2f} |")
    print(f"| note-seq and Magenta's melodies | {1e3 * np.median(theirs):.2f} | {1e3 * np.mean(theirs):.2f} |")
    print(f"\n{len(ours)} files of {folder}; {ratio:.0f} times faster.")


def build(sources, encoder, layout, workers):
    """Builds the data set of some folders and prints what it cost."""
    import tensorflow_datasets as tfds

    import tfds_lmd_latents
    from tfds_lmd_latents import encode_blocks, song_block

    encoding = []
    encode = song_block.EncodedBlock.encode

    def timed_encode(vae, songs):
        start = time.perf_counter()
        block = encode(vae, songs)
        encoding.append(time.perf_counter() - start)
        return block

    song_block.EncodedBlock.encode = timed_encode
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch) / "source"
        source.mkdir()
        for number, folder in enumerate(map(pathlib.Path, sources)):
            (source / f"{number}_{folder.name}").mkdir()
            for path in folder.glob("*.mid"):
                shutil.copy(path, source / f"{number}_{folder.name}")
        config = tfds_lmd_latents.LmdLatentsConfig(
            name="benchmark", layout=layout, source=str(source), encoder=encoder, num_workers=workers
        )
        builder = tfds.builder("lmd_latents", config=config, data_dir=scratch)
        encode_blocks.load_encoder(encoder)
        start = time.perf_counter()
        builder.download_and_prepare()
        total = time.perf_counter() - start
        counts = builder.info.metadata["counts"]
        size = sum(path.stat().st_size for path in pathlib.Path(builder.data_path).iterdir()) / 2**20
    sums = {name: sum(counts[split][name] for split in counts if split != "dropped") for name in counts["train"]}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    workers_memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
    files = sums["files"] + sum(counts["dropped"].values())
    print("| | |\n|---|---|")
    print(f"| files, of which dropped | {files}, {sum(counts['dropped'].values())} |")
    print(f"| melodies, duplicates left out | {sums['melodies']}, {sums['duplicate melodies']} |")
    saving = 1 - sums["encoded phrases"] / sums["phrases"]
    print(f"| phrases, encoded | {sums['phrases']}, {sums['encoded phrases']} ({saving:.0%} saved) |")
    print(
        f"| examples (`{layout}`) | {sum(info.num_examples for info in builder.info.splits.values())}, {size:.0f} MiB |"
    )
    print(f"| whole build | {total:.1f} s, {files / total:.0f} files/s, {sums['phrases'] / total:.0f} phrases/s |")
    print(f"| of which encoding | {sum(encoding):.1f} s, {sums['encoded phrases'] / sum(encoding):.0f} phrases/s |")
    print(f"| peak memory, of a worker | {memory:.0f} MiB, {workers_memory:.0f} MiB |")


def worker(folder):
    """Peak memory of what a worker does: one block of files, with a network of Magenta's size; then writes the block.

    It encodes one batch; for the other phrases, which would take most of an hour and no more memory, stands noise.
    """
    import tensorflow_datasets as tfds

    from keras_symdiff import MusicVAE
    from tfds_lmd_latents import LmdLatentsConfig
    from tfds_lmd_latents.midi_files import FILES_PER_BLOCK, find_midi_files
    from tfds_lmd_latents.song_block import EncodedBlock, SongBlock

    songs = SongBlock.parse(find_midi_files(folder)[0][:FILES_PER_BLOCK])
    tokens, inverse = songs.corpus.distinct()
    mean, _ = MusicVAE().encode(tokens[:512])
    stream = np.random.default_rng(0)
    mean, stddev = (stream.standard_normal((len(tokens), mean.shape[1]), np.float32) for _ in range(2))
    block = EncodedBlock(songs, mean, stddev, inverse)
    with tempfile.TemporaryDirectory() as scratch:
        block.save(pathlib.Path(scratch) / "block.npz")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(f"{songs.corpus.num_files} files, {len(inverse)} phrases, {len(tokens)} distinct: {memory:.0f} MiB")

        config = LmdLatentsConfig(name="benchmark", layout="melodies", encoder="lakh_small", latent_dim=mean.shape[1])
        start = time.perf_counter(), time.process_time()
        tfds.dataset_builders.store_as_tfds_dataset(
            name="benchmark",
            version="1.0.0",
            data_dir=scratch,
            file_format="array_record",
            features=tfds.builder("lmd_latents", config=config, data_dir=scratch).info.features,
            split_datasets={"train": block.examples("melodies")},
        )
        wall, busy = time.perf_counter() - start[0], time.process_time() - start[1]
        size = sum(path.stat().st_size for path in pathlib.Path(scratch, "benchmark").rglob("*")) / 2**20
        print(
            f"{len(inverse)} phrases, {size:.0f} MiB, written in {wall:.1f} s, {busy:.1f} s of a processor: "
            f"{len(inverse) / busy:.0f} phrases/s, {size * 2**10 / len(inverse):.1f} KiB a phrase"
        )


def estimate(parse, phrases, saving, cpu, gpu, write):
    """Hours for all of Lakh with Magenta's encoder, by arithmetic on measured figures.

    Args:
        parse: milliseconds a file, of `ingest`.
        phrases: phrases a file.
        saving: share of them that need no encoding, of `build`.
        cpu: phrases a second that one core encodes; `None` measures it.
        gpu: phrases a second that one GPU encodes.
        write: phrases a second that the process that builds writes, alone, of `worker`.
    """
    from keras_symdiff import MusicVAE

    if cpu is None:
        vae, tokens = MusicVAE(), np.ones((512, 32), np.int8)
        vae.encode(tokens)
        start = time.perf_counter()
        vae.encode(tokens)
        cpu = len(tokens) / (time.perf_counter() - start) / len(os.sched_getaffinity(0))
    encoded = LAKH_FILES * phrases * (1 - saving)
    parsing = LAKH_FILES * parse / 1e3  # core seconds
    print(f"{LAKH_FILES} files x {phrases} phrases x {1 - saving:.2f} = {encoded / 1e6:.1f} million phrases to encode;")
    print(f"{LAKH_FILES} files x {parse} ms = {parsing:.0f} core seconds of parsing; {cpu:.1f} phrases/s a core.\n")
    print("| machine | parsing | encoding | writing | hours |\n|---|---|---|---|---|")
    # All parse once for tunes, once for phrases. Beam does the former on the machine that starts it, here of 2 cores,
    # and there parses once more for duplicates.
    machines = [("2 cores", 2 * cpu, 2 * parsing / 2), ("16 cores, one GPU", gpu, 2 * parsing / 16)]
    for workers in (1, 10, 100):
        machines.append((f"Beam, {workers} workers of one core", workers * cpu, 2 * parsing / 2 + parsing / workers))
    for name, speed, parsed in machines:
        hours = parsed / 3600, encoded / speed / 3600, LAKH_FILES * phrases / write / 3600
        print(f"| {name} | {hours[0]:.2f} h | {hours[1]:.1f} h | {hours[2]:.1f} h | {sum(hours):.1f} |")


def step(steps, rounds):
    """Times a training step of the paper-size model from memory and from `tfds.load`, in turns.

    The first step of a fit is not one: it opens the files and fills the shuffle buffer, once an epoch. Its extra time
    is printed beside.
    """
    import keras
    import tensorflow as tf
    import tensorflow_datasets as tfds

    import tfds_lmd_latents
    from keras_symdiff import LatentDiffusion, LatentTransform, TransformerDenoiser
    from keras_symdiff.constants import LATENT_DIM, MAGENTA_KEPT_DIMS
    from keras_symdiff.training.seeded_batches import SeededBatches

    class StepEnds(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.ends = [(time.perf_counter(), time.process_time())]

        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])  # waits for the step, which JAX may still be computing
            self.ends.append((time.perf_counter(), time.process_time()))

    random = np.random.default_rng(0)
    means = random.standard_normal((512, 32, LATENT_DIM), dtype=np.float32)
    transform = LatentTransform.fit(means.reshape(-1, LATENT_DIM), kept_dims=MAGENTA_KEPT_DIMS)
    with tempfile.TemporaryDirectory() as scratch:
        features = {
            name: tfds.features.Tensor(shape=(32, LATENT_DIM), dtype=np.float32, encoding="bytes")
            for name in ("mean", "stddev")
        }
        features["tokens"] = tfds.features.Tensor(shape=(32, 32), dtype=np.int8, encoding="bytes")
        features["chroma"] = tfds.features.Tensor(shape=(32, 8, 12), dtype=np.uint8, encoding="bytes")
        told = {"tokens": np.ones((32, 32), np.int8), "chroma": np.zeros((32, 8, 12), np.uint8)}
        examples = [{"mean": mean, "stddev": mean, **told} for mean in means]
        tfds.dataset_builders.store_as_tfds_dataset(
            name="benchmark",
            version="1.0.0",
            data_dir=scratch,
            features=tfds.features.FeaturesDict(features),
            split_datasets={"train": tf.data.Dataset.from_generator(
                lambda: examples, output_signature={
                    name: tf.TensorSpec(feature.shape, feature.tf_dtype) for name, feature in features.items()
                })},
        )  # fmt: skip
        dataset = tfds.builder_from_directory(f"{scratch}/benchmark/1.0.0").as_dataset("train", shuffle_files=True)
        dataset = tfds_lmd_latents.pieces_dataset(dataset, transform)
        dataset = dataset.shuffle(512).repeat().batch(64).prefetch(tf.data.AUTOTUNE)
        memory = SeededBatches(transform.forward(means).astype(np.float32), 64, steps=steps)
        model = LatentDiffusion(TransformerDenoiser())
        model.compile()
        times, first = {"in memory": [], "`tfds.load`": []}, {"in memory": [], "`tfds.load`": []}
        begin = time.perf_counter()
        for round_number in range(rounds + 1):
            for name, data in (("in memory", memory), ("`tfds.load`", dataset)):
                ends = StepEnds()
                model.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[ends])
                if round_number:  # compiled in the first
                    start, *others = np.diff(ends.ends, axis=0)
                    times[name] += others
                    first[name].append(start)
                    print(name, "wall, processor s:", np.round(others, 2).tolist(), file=sys.stderr)
    print("| data | clock | ms a step, median | min .. max | against memory | first step of a fit |")
    print("|---|---|---|---|---|---|")
    for column, clock in enumerate(("wall", "processor")):  # a busy machine stretches only the former
        base = np.median(np.array(times["in memory"])[:, column])
        for name in times:
            values, start = (1e3 * np.array(by_name[name])[:, column] for by_name in (times, first))
            print(
                f"| {name} | {clock} | {np.median(values):.0f} | {values.min():.0f} .. {values.max():.0f} "
                f"| {np.median(values) / base / 1e3:.3f} | {np.median(start):.0f} |"
            )
    print(
        f"\n{keras.backend.backend()}, {rounds} rounds of {steps} steps of 64, in turns, on "
        f"{len(os.sched_getaffinity(0))} core(s), {time.perf_counter() - begin:.0f} s; load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("ingest")
    verb.add_argument("folder")
    verb.add_argument("--files", type=int, default=100)
    verb = verbs.add_parser("build")
    verb.add_argument("sources", nargs="+")
    verb.add_argument("--encoder", default="lakh_small")
    verb.add_argument("--layout", default="sequences")
    verb.add_argument("--workers", type=int, default=2)
    verb = verbs.add_parser("worker")
    verb.add_argument("folder")
    verb = verbs.add_parser("estimate")
    verb.add_argument("--parse", type=float, default=2.0)
    verb.add_argument("--phrases", type=int, default=300)
    verb.add_argument("--saving", type=float, default=0.3)
    verb.add_argument("--cpu", type=float)
    # 2.24 GFLOP a phrase: 2 directions x 32 steps x 2 x (90 + 2048) x 4 x 2048; at 20 TFLOP/s of a recent GPU.
    verb.add_argument("--gpu", type=float, default=20e12 / 2.24e9)
    verb.add_argument("--write", type=float, default=10_000.0)
    verb = verbs.add_parser("step")
    verb.add_argument("--steps", type=int, default=3)
    verb.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    if options.verb == "ingest":
        ingest(options.folder, options.files)
    elif options.verb == "build":
        build(options.sources, options.encoder, options.layout, options.workers)
    elif options.verb == "worker":
        worker(options.folder)
    elif options.verb == "estimate":
        estimate(options.parse, options.phrases, options.saving, options.cpu, options.gpu, options.write)
    else:
        step(options.steps, options.rounds)
