"""Readers of datasets whose files have been found: by slices, by drawn splits, or generated."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfadvseg.config import DataConfig
from tfadvseg.data import prepared
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.division import Indices
from tfadvseg.data.examples import Example, Examples, collect, one_by_one
from tfadvseg.data.sets.catalogue import check_flags
from tfadvseg.data.sets.dataset import require_data_dir
from tfadvseg.data.slices import resolve_slice
from tfadvseg.errors import UserError

Stream = Callable[[str, str], Iterator[Example]]
Generate = Callable[[int, str, Any], Iterator[tuple[np.ndarray, np.ndarray]]]

EMBEDDED_SEED = 0
"""Seed of the embedded sets, which are the same for every `--seed`."""


@dataclass(frozen=True)
class Reader:
    """A dataset whose files have been found.

    Attributes:
        descriptor: descriptor of the dataset.
        stream: streams a split, given its name and, for messages, the flag that names it. Raises
            UserError at once if there is no such split or it is empty.
        meaning: names for `stream` that `train` and `validation` stand for, if they are not names
            of splits themselves.
        at_once: returns a split without streaming, for sets that are already in memory or do not
            fit into it; same arguments and errors as `stream`.
        unlabelled: images without labels that belong to `train`, or None.
    """

    descriptor: DatasetDescriptor
    stream: Stream
    meaning: Mapping[str, str] = field(default_factory=dict)
    at_once: Callable[[str, str], Examples] | None = None
    unlabelled: Examples | None = None

    def load(self, split: str, flag: str) -> Examples:
        """A split, in memory or on disk; same arguments and errors as `stream`."""
        if self.at_once is not None:
            return self.at_once(split, flag)
        return collect(self.stream(split, flag))


def open_reader(config: DataConfig, seed: int) -> Reader:
    """Finds a dataset's files, and prepares them with TFDS if needed.

    Args:
        config: the dataset and its splits.
        seed: draws the splits of datasets without their own.

    Raises:
        UserError: an unknown dataset, flags that do not apply to it, or raw files that are missing
            or invalid.
    """
    return check_flags(config).open(config, seed)


def prepare(
    config: DataConfig, source: prepared.Source, builder_config: str | None = None
) -> tfds.core.DatasetBuilder:
    """Returns the builder of a dataset, prepared as the flags say.

    Raises:
        UserError: as `prepared.prepare`; or `--data_dir` is missing.
    """
    beam_options = config.beam_options if config.prepare == "beam" else None
    return prepared.prepare(
        source, require_data_dir(config), config.prepared_dir, builder_config, beam_options
    )


def read_slices(
    config: DataConfig,
    descriptor: DatasetDescriptor,
    counts: Mapping[str, int],
    stream: Callable[[str], Iterator[Example]],
    default: tuple[str, str],
) -> Reader:
    """A reader of a dataset whose splits are TFDS slices.

    Args:
        config: `train_split` and `val_split` are used.
        descriptor: descriptor of the dataset.
        counts: number of examples in each split.
        stream: returns the examples of a slice.
        default: slices for training and validation if no flags are given.
    """

    def checked(split: str, flag: str) -> Iterator[Example]:
        resolve_slice(split, counts, flag)
        return stream(split)

    train, val = default
    meaning = {"train": config.train_split or train, "validation": config.val_split or val}
    return Reader(descriptor, checked, meaning)


def joined(split: str, runs: Sequence[range]) -> str:
    """Ranges of positions in a split as a TFDS slice."""
    return "+".join(f"{split}[{run.start}:{run.stop}]" for run in runs)


def read_generated(
    config: DataConfig,
    descriptor: DatasetDescriptor,
    counts: Mapping[str, int],
    generate: Generate,
    digits: int = 2,
) -> Reader:
    """A reader of an embedded dataset, directly from its generator, without files.

    Args:
        config: `train_split` and `val_split` are used.
        descriptor: descriptor of the dataset.
        counts: number of examples in each split; `train` and `validation` are the defaults.
        generate: returns images and labels for a seed, a split and numbers within it.
        digits: minimum number of digits in an example's key.
    """

    def stream(split: str) -> Iterator[Example]:
        for name, numbers in resolve_slice(split, counts, "split"):
            for number in numbers:
                image, label = _generated(generate, name, number)
                key = f"{name}-{number:0{digits}d}"
                yield Example(key, image if image.ndim == 3 else image[:, :, None], label)

    return read_slices(config, descriptor, counts, stream, ("train", "validation"))


@functools.lru_cache(maxsize=64)  # for the next run of this process
def _generated(generate: Generate, split: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    ((image, label),) = generate(EMBEDDED_SEED, split, [number])
    image.flags.writeable = label.flags.writeable = False
    return image, label


def read_drawn(
    descriptor: DatasetDescriptor,
    parts: Callable[[], Mapping[str, Indices]],
    names: Sequence[str],
    stream: Callable[[Indices | None], Iterator[Example]],
) -> Reader:
    """A reader of a dataset whose splits are drawn by a seed and streamed.

    Args:
        descriptor: descriptor of the dataset.
        parts: draws the positions of each split; called once, when first needed.
        names: names of the splits; `all` is added.
        stream: returns the examples at positions, or all of them for None.
    """
    positions = _positions(descriptor, parts, names)
    return Reader(descriptor, lambda split, flag: stream(positions(split, flag)))


def read_drawn_at_once(
    descriptor: DatasetDescriptor,
    parts: Callable[[], Mapping[str, Indices]],
    names: Sequence[str],
    examples: Examples,
) -> Reader:
    """The same for `examples` that have already been read."""
    positions = _positions(descriptor, parts, names)

    def load(split: str, flag: str) -> Examples:
        chosen = positions(split, flag)
        return examples if chosen is None else examples.subset(chosen)

    return Reader(descriptor, lambda split, flag: one_by_one(load(split, flag)), at_once=load)


def _positions(
    descriptor: DatasetDescriptor, parts: Callable[[], Mapping[str, Indices]], names: Sequence[str]
) -> Callable[[str, str], Indices | None]:
    """A function from a split's name and its flag to positions; None means all examples."""
    draw = functools.cache(parts)
    known = (*names, "all")

    def positions(split: str, flag: str) -> Indices | None:
        if split not in known:
            raise UserError(
                f"--{flag}={split}: no such part of {descriptor.name}; take {', '.join(known)}."
            )
        return None if split == "all" else draw()[split]

    return positions
