"""Frames of a prepared copy, read one at a time from its ArrayRecord files."""

import contextlib
import io
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from tfadvseg.data.on_disk import StoredExample
from tfadvseg.data.prepared import damaged
from tfadvseg.errors import UserError
from tfadvseg.files import atomic

INDEX_FILE = "tfadvseg_frames.json"
"""File of names, sizes and checksums next to those of TFDS; saves reading all frames at a start."""

_ENCODED = {"image": tfds.decode.SkipDecoding(), "label": tfds.decode.SkipDecoding()}


def prepared_splits(builder: tfds.core.DatasetBuilder) -> dict[str, list[StoredExample]]:
    """The splits of a prepared copy.

    Args:
        builder: of a complete copy; features `id`, `image` [H,W,C] and `label` [H,W,1], both PNG.

    Raises:
        UserError: the copy is damaged, or its format can only be read in order.
    """
    if builder.info.file_format != tfds.core.FileFormat.ARRAY_RECORD:
        raise UserError(
            f"{builder.data_path}: contains files that can only be read in order; prepare it again "
            "with --file_format=array_record."
        )
    sources = {s: builder.as_data_source(s, decoders=_ENCODED) for s in builder.info.splits}
    index = _index(builder, sources)
    return {
        split: _stored(builder.data_path, source, index[split]) for split, source in sources.items()
    }


def _stored(
    place: os.PathLike, source: Sequence[Any], frames: Sequence[dict[str, Any]]
) -> list[StoredExample]:
    if len(frames) != len(source):
        raise damaged(place, f"{INDEX_FILE} belongs to another copy")

    def record(number: int, feature: str) -> _Record:
        frame = frames[number]
        size = (frame["height"], frame["width"])
        return _Record(place, source, number, feature, size, frame[feature])

    return [
        StoredExample(frame["name"], record(number, "image"), record(number, "label"))
        for number, frame in enumerate(frames)
    ]


def _index(
    builder: tfds.core.DatasetBuilder, sources: dict[str, Sequence[Any]]
) -> dict[str, list[dict[str, Any]]]:
    """The index of frames by split; created when first needed, and stored."""
    path = builder.data_path / INDEX_FILE
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    try:
        index = {split: [_entry(example) for example in sources[split]] for split in sources}
    except Exception as error:  # ArrayRecord and Pillow raise many exception types on damaged files
        raise damaged(builder.data_path, type(error).__name__) from None
    with contextlib.suppress(OSError):  # a read-only copy
        atomic.write_text(path, json.dumps(index))
    return index


def _entry(example: dict[str, Any]) -> dict[str, Any]:
    with Image.open(io.BytesIO(example["image"])) as image:
        entry = {"name": example["id"].decode(), "height": image.height, "width": image.width}
    return entry | {feature: zlib.crc32(example[feature]) for feature in _ENCODED}


@dataclass(frozen=True)
class _Record:
    """The image or the label of one frame."""

    place: os.PathLike
    source: Sequence[Any]
    number: int
    feature: str
    shape: tuple[int, int]
    checksum: int

    def read(self) -> np.ndarray:
        try:
            with Image.open(io.BytesIO(self.source[self.number][self.feature])) as image:
                return np.array(image)
        except Exception as error:  # as above
            raise damaged(self.place, type(error).__name__) from None

    def size(self) -> tuple[int, int]:
        return self.shape

    def fingerprint(self) -> bytes:
        return self.checksum.to_bytes(4)
