"""Arrays that stay in their files, for sets that do not fit into memory. No TensorFlow here."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol, overload

import numpy as np

AHEAD = 16
"""Number of arrays decoded ahead during iteration."""


class StoredArray(Protocol):
    """An image or a label in its file. Each method raises a `UserError` that names a bad file."""

    def read(self) -> np.ndarray:
        """Decodes the array: uint8 [H,W,C] or [H,W], always the same."""

    def size(self) -> tuple[int, int]:
        """(height, width), without decoding pixels."""

    def fingerprint(self) -> bytes:
        """A digest that changes with any pixel, without decoding pixels."""


@dataclass(frozen=True)
class HeldArray:
    """An array in memory, for a sequence whose other arrays are on disk."""

    array: np.ndarray

    def read(self) -> np.ndarray:
        return self.array

    def size(self) -> tuple[int, int]:
        return self.array.shape[0], self.array.shape[1]

    def fingerprint(self) -> bytes:
        kind = f"{self.array.shape}{self.array.dtype}".encode()
        return blake2b(kind + self.array.tobytes(), digest_size=8).digest()


@dataclass(frozen=True)
class ResizedArray:
    """A stored array that is resized whenever it is read.

    Attributes:
        stored: the array.
        resize: function of the array and the size.
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
        key: stable name.
        image: uint8 [H,W,C].
        label: uint8 [H,W], class ids or `ignore_label`; all `ignore_label` if the label is unknown.
    """

    key: str
    image: StoredArray
    label: StoredArray


class OnDisk(Sequence[np.ndarray]):
    """A sequence of arrays that decodes an array on each access."""

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
        """(height, width) of each, without decoding pixels."""
        with ThreadPoolExecutor(AHEAD) as pool:
            return list(pool.map(lambda array: array.size(), self.stored))

    def fingerprints(self) -> list[bytes]:
        """The fingerprint of each, without decoding pixels."""
        with ThreadPoolExecutor(AHEAD) as pool:
            return list(pool.map(lambda array: array.fingerprint(), self.stored))
