"""A built data set as Parquet files with a card and a Croissant description: a folder for hubs and other libraries."""

import contextlib
import datetime
import hashlib
import json
import pathlib
import shutil
from typing import Any

import numpy as np

from keras_symdiff.write_atomically import write_atomically
from tfds_lmd_latents.data_card import CARD_FILE, PICTURE_FILE, read_split

HUB_FOLDER = "hub"
CROISSANT_FILE = "croissant.json"
_ROWS_AT_ONCE = 256
_SIZES = {"n<1K": 10**3, "1K<n<10K": 10**4, "10K<n<100K": 10**5, "100K<n<1M": 10**6, "1M<n<10M": 10**7}

# Licence of the music: what the Hugging Face hub calls it, and where it is written.
_LICENCES = {
    "CC BY 4.0": ("cc-by-4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "MIT": ("mit", "https://opensource.org/license/mit"),
}

_FRONT = """---
pretty_name: {name}
license: {licence}
size_categories:
- {size}
tags:
- music
- midi
- melodies
configs:
- config_name: {config}
  data_files:
{splits}
---

"""


def write_hub_folder(builder: Any) -> pathlib.Path:
    """Writes the folder `hub` beside a data set's files: one Parquet file a split, card, picture and Croissant.

    Args:
        builder: TFDS builder of a prepared `lmd_latents` with its card.

    Returns:
        Path of the folder, which `datasets.load_dataset` reads.

    Raises:
        ImportError: without the extra `hub`.
    """
    import mlcroissant  # noqa: F401 (before long work)

    folder = pathlib.Path(builder.data_path) / HUB_FOLDER
    folder.mkdir(exist_ok=True)
    for split in builder.info.splits:
        _write_parquet(builder, split, folder / f"{split}.parquet")
    write_atomically(folder / CROISSANT_FILE, _croissant(builder, folder).encode())
    shutil.copy(builder.data_path / PICTURE_FILE, folder / PICTURE_FILE)
    examples = sum(split.num_examples for split in builder.info.splits.values())
    card = _FRONT.format(
        name=f"{builder.name}/{builder.builder_config.name}",
        licence=_LICENCES.get(builder.info.metadata["licence"], ("other", None))[0],
        size=next((size for size, most in _SIZES.items() if examples < most), "n>10M"),
        config=builder.builder_config.name,
        splits="\n".join(f"  - split: {split}\n    path: {split}.parquet" for split in builder.info.splits),
    )
    write_atomically(folder / CARD_FILE, card.encode() + (builder.data_path / CARD_FILE).read_bytes())
    return folder


def _write_parquet(builder, split, path):
    """Writes the examples of a split, so many at once."""
    import pyarrow
    import pyarrow.parquet

    features, rows = builder.info.features, []
    temporary = path.with_suffix(".unfinished")
    with contextlib.ExitStack() as stack:
        writer = None
        total = builder.info.splits[split].num_examples
        for number, example in enumerate(read_split(builder, split), start=1):
            rows.append(example)
            if len(rows) == _ROWS_AT_ONCE or number == total:
                columns = {name: _column(features[name], [row[name] for row in rows]) for name in features}
                table = pyarrow.table(columns)
                writer = writer or stack.enter_context(pyarrow.parquet.ParquetWriter(temporary, table.schema))
                writer.write_table(table)
                rows = []
    temporary.replace(path)


def _column(feature, values):
    """Values of one feature as an Arrow array: text, numbers, or lists of lists of them."""
    import pyarrow

    if not feature.shape:
        if hasattr(feature, "names"):
            return pyarrow.array([feature.names[int(value)] for value in values])
        if np.dtype(feature.np_dtype).kind == "O":
            return pyarrow.array([value.decode() for value in values])
        return pyarrow.array(np.array(values, feature.np_dtype))
    column = pyarrow.array(np.concatenate(values).reshape(-1))
    for size in reversed(feature.shape[1:]):
        column = pyarrow.FixedSizeListArray.from_arrays(column, size)
    if feature.shape[0] is not None:
        return pyarrow.FixedSizeListArray.from_arrays(column, feature.shape[0])
    return pyarrow.ListArray.from_arrays(np.cumsum([0, *map(len, values)]).astype(np.int32), column)


def _croissant(builder, folder):
    """Describes the folder's files and their columns in JSON-LD."""
    import mlcroissant as mlc

    info = builder.info
    files, records = [], []
    for split in info.splits:
        path = folder / f"{split}.parquet"
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        files.append(
            mlc.FileObject(
                id=path.name,
                name=path.name,
                content_url=path.name,
                encoding_formats=["application/x-parquet"],
                content_size=f"{path.stat().st_size} B",
                sha256=sha256,
            )
        )
        fields = [_field(split, name, feature) for name, feature in info.features.items()]
        records.append(mlc.RecordSet(id=split, name=split, fields=fields))
    metadata = mlc.Metadata(
        name=f"{builder.name}_{builder.builder_config.name}",
        description=info.description,
        cite_as=info.citation,
        license=[_LICENCES.get(info.metadata["licence"], (None, info.metadata["licence"]))[1]],
        url=info.homepage,
        version=str(info.version),
        date_published=datetime.datetime.fromtimestamp((folder / files[0].id).stat().st_mtime).replace(microsecond=0),
        conforms_to="http://mlcommons.org/croissant/1.1",
        distribution=files,
        record_sets=records,
    )
    return json.dumps(metadata.to_json(), indent=1, ensure_ascii=False, default=str) + "\n"


def _field(split, name, feature):
    import mlcroissant as mlc

    dtype = np.dtype(feature.np_dtype)
    is_text = hasattr(feature, "names") or dtype.kind == "O"
    kind = mlc.DataType.TEXT if is_text else getattr(mlc.DataType, dtype.name.upper())
    shape = ",".join("-1" if size is None else str(size) for size in feature.shape)
    return mlc.Field(
        id=f"{split}/{name}", name=name, description=feature.doc.desc, data_types=[kind],
        is_array=bool(shape) or None, array_shape=shape or None,
        source=mlc.Source(file_object=f"{split}.parquet", extract=mlc.Extract(column=name)),
    )  # fmt: skip
