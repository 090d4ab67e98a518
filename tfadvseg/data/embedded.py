"""The embedded datasets, straight from their generators: nothing is written, nothing waited for."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfadvseg.data.descriptors import CELLS, MEMBRANES, DatasetDescriptor
from tfadvseg.data.examples import Example
from tfadvseg.data.slices import resolve_slice
from tfadvseg.data.street_descriptors import STREETS_CAMERA, STREETS_GAME
from tfadvseg_datasets.cells import generate as cells
from tfadvseg_datasets.membranes import generate as membranes
from tfadvseg_datasets.streets import generate as streets

EMBEDDED_SEED = 0
"""The embedded sets are the same in every run, whatever `--seed` is."""


@dataclass(frozen=True)
class Embedded:
    """A generated dataset.

    Attributes:
        descriptor: of the dataset.
        counts: examples of each split.
        generate: images and labels of a seed, a split and numbers within it.
        digits: of the number in an example's key.
    """

    descriptor: DatasetDescriptor
    counts: Mapping[str, int]
    generate: Callable[[int, str, Any], Iterator[tuple[np.ndarray, np.ndarray]]]
    digits: int = 2

    def stream(self, split: str) -> Iterator[Example]:
        """The examples of a TFDS slice of the splits."""
        for name, numbers in resolve_slice(split, self.counts, "split"):
            made = self.generate(EMBEDDED_SEED, name, numbers)
            for number, (image, label) in zip(numbers, made, strict=True):
                key = f"{name}-{number:0{self.digits}d}"
                yield Example(key, image if image.ndim == 3 else image[:, :, None], label)


def _streets(descriptor: DatasetDescriptor, domain: streets.Domain) -> Embedded:
    scenes = functools.partial(streets.generate_split, domain=domain)
    return Embedded(descriptor, streets.DEFAULT_COUNTS, scenes, digits=4)


EMBEDDED = {
    embedded.descriptor.name: embedded
    for embedded in (
        Embedded(MEMBRANES, membranes.DEFAULT_COUNTS, membranes.generate_split),
        Embedded(CELLS, cells.DEFAULT_COUNTS, cells.generate_split),
        _streets(STREETS_GAME, "game"),
        _streets(STREETS_CAMERA, "camera"),
    )
}
"""By the value of --dataset."""
