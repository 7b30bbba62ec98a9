"""Building on a cluster, with Apache Beam."""

import os
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.io.textio import WriteToText
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import TaggedOutput

from tfds_lmd_latents.encoder import load_encoder
from tfds_lmd_latents.midi_files import Block
from tfds_lmd_latents.song_block import EncodedBlock, SongBlock


def encode_with_beam(
    blocks: Sequence[Block], split: str, encoder: str, layout: str, dropped: str | os.PathLike
) -> beam.PTransform:
    """The examples of a split, equal to those that `encode_blocks` leads to.

    A file is parsed twice, so that between workers only hashes of melodies travel, and each melody is encoded in the
    block in which it comes first.

    Args:
        blocks: list of `Block`, all of the data set's; workers must see the files.
        split: str.
        encoder: as for `load_encoder`, which each worker calls once.
        layout: `"sequences"` or `"melodies"`.
        dropped: path of a text file that gets a line, name and reason, for each file of the split that is not used.

    Returns:
        A `beam.PTransform` to (key, example).
    """
    last = max(block.number for block in blocks if block.split == split)
    members = {block.number for block in blocks if block.split == split}
    # Blocks after the split's last have no say in which melodies of it come first.
    listed = beam.Create([(block.number, block) for block in blocks if block.number <= last]) | beam.Reshuffle()
    return listed | _FirstMelodies(members) | _EncodeBlocks(encoder, layout, str(dropped))


class _FirstMelodies(beam.PTransform):
    """(number, block) to (number, {"block": [block], "melodies": indices}) of a split's blocks."""

    def __init__(self, members):
        super().__init__()
        self.members = members

    def expand(self, blocks):
        members = self.members
        first = (
            blocks
            | "Hash melodies" >> beam.FlatMap(_hash_melodies)
            | "First of each" >> beam.CombinePerKey(min)
            | "Places" >> beam.Values()
        )
        return (
            {"block": blocks, "melodies": first}
            | "By block" >> beam.CoGroupByKey()
            | "Of the split" >> beam.Filter(lambda item: item[0] in members)
        )


def _hash_melodies(numbered):
    number, block = numbered
    for melody, digest in enumerate(SongBlock.parse(block.files).digests()):
        yield digest, (number, melody)


class _EncodeBlocks(beam.PTransform):
    """(number, {"block": [block], "melodies": indices}) to examples, and a file of what was left out."""

    def __init__(self, encoder, layout, dropped):
        super().__init__()
        self.encoder = encoder
        self.layout = layout
        self.dropped = dropped

    def expand(self, found):
        outputs = found | "Encode" >> beam.ParDo(_Encode(self.encoder, self.layout)).with_outputs(
            "dropped", main="examples"
        )
        _ = outputs["dropped"] | "Write dropped" >> WriteToText(self.dropped, shard_name_template="")
        return outputs["examples"]


class _Encode(beam.DoFn):
    def __init__(self, encoder, layout):
        self.encoder = encoder
        self.layout = layout

    def setup(self):
        load_encoder(self.encoder)

    def process(self, item):
        _, found = item
        songs = SongBlock.parse(found["block"][0].files).keep(sorted(found["melodies"]))
        for name, reason in songs.corpus.skipped:
            yield TaggedOutput("dropped", f"{name}\t{reason}")
            Metrics.counter("dropped", reason.split(" (")[0]).inc()
        for name, count in songs.counts().items():
            Metrics.counter(found["block"][0].split, name).inc(count)
        yield from EncodedBlock.encode(load_encoder(self.encoder), songs).examples(self.layout)
