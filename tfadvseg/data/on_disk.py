"""Arrays that stay in their files, for sets that do not fit into memory. No TensorFlow here."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, overload

import numpy as np

AHEAD = 16
"""Arrays that are decoded ahead while one after another is asked for."""


class StoredArray(Protocol):
    """An image or a label in its file. Each method raises `UserError` that names a bad file."""

    def read(self) -> np.ndarray:
        """Decodes it: uint8 [H,W,C] or [H,W], the same every time."""

    def size(self) -> tuple[int, int]:
        """(height, width), told without decoding pixels."""

    def fingerprint(self) -> bytes:
        """Changes with any pixel, and is told without decoding them."""


@dataclass(frozen=True)
class ResizedArray:
    """A stored array that is brought to another size whenever it is read.

    Attributes:
        stored: what is read.
        resize: takes it and the size.
        target: (height, width).
    """

    stored: StoredArray
    resize: Callable[[np.ndarray, tuple[int, int]], np.ndarray]
    target: tuple[int, int]

    def read(self) -> np.ndarray:
        return self.resize(self.stored.read(), self.target)

    def size(self) -> tuple[int, int]:
        return self.target

    def fingerprint(self) -> bytes:
        return self.stored.fingerprint() + repr(self.target).encode()


@dataclass(frozen=True)
class StoredExample:
    """One image with its label, both in files.

    Attributes:
        key: its stable name.
        image: uint8 [H,W,C].
        label: uint8 [H,W], class ids or `ignore_label`; all of it that where none is known.
    """

    key: str
    image: StoredArray
    label: StoredArray


class OnDisk(Sequence[np.ndarray]):
    """A sequence of arrays, each of which is decoded anew whenever it is asked for."""

    def __init__(self, stored: Iterable[StoredArray]) -> None:
        self.stored = tuple(stored)

    def __len__(self) -> int:
        return len(self.stored)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> "OnDisk": ...
    def __getitem__(self, index: int | slice) -> "np.ndarray | OnDisk":
        if isinstance(index, slice):
            return OnDisk(self.stored[index])
        return self.stored[index].read()

    def __iter__(self) -> Iterator[np.ndarray]:
        with ThreadPoolExecutor(AHEAD) as pool:
            for start in range(0, len(self), AHEAD):
                yield from pool.map(lambda array: array.read(), self.stored[start : start + AHEAD])

    def sizes(self) -> list[tuple[int, int]]:
        """(height, width) of each, told without decoding pixels."""
        with ThreadPoolExecutor(AHEAD) as pool:
            return list(pool.map(lambda array: array.size(), self.stored))

    def fingerprints(self) -> list[bytes]:
        """Of each, told without decoding pixels."""
        with ThreadPoolExecutor(AHEAD) as pool:
            return list(pool.map(lambda array: array.fingerprint(), self.stored))
