"""Readers of datasets whose files have been found: by slices, by parts drawn, or generated."""

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

EMBEDDED_SEED = 0
"""The embedded sets are the same in every run, whatever `--seed` is."""


@dataclass(frozen=True)
class Reader:
    """A dataset whose files have been found.

    Attributes:
        descriptor: of the dataset.
        stream: streams a part, given its name and the flag that names it for messages. Raises
            UserError at once if there is no such part or it is empty.
        meaning: what `train` and `validation` are in terms of `stream`, where they are not names of
            parts themselves.
        at_once: gives a part without streaming it, of sets that are in memory already or do not
            fit into it; takes and raises what `stream` does.
    """

    descriptor: DatasetDescriptor
    stream: Stream
    meaning: Mapping[str, str] = field(default_factory=dict)
    at_once: Callable[[str, str], Examples] | None = None

    def load(self, split: str, flag: str) -> Examples:
        """A part, in memory or on disk; takes and raises what `stream` does."""
        if self.at_once is not None:
            return self.at_once(split, flag)
        return collect(self.stream(split, flag))


def open_reader(config: DataConfig, seed: int) -> Reader:
    """Finds a dataset's files, and prepares them with TFDS where that is needed.

    Args:
        config: which dataset, and what its parts are.
        seed: draws the division of datasets that have none of their own.

    Raises:
        UserError: an unknown dataset, flags that are not for it, or raw files that are missing or
            unfit.
    """
    return check_flags(config).open(config, seed)


def prepare(
    config: DataConfig, source: prepared.Source, builder_config: str | None = None
) -> tfds.core.DatasetBuilder:
    """The builder of a dataset, prepared as the flags say.

    Raises:
        UserError: as `prepared.prepare`; or `--data_dir` is not given.
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
    """A dataset whose parts are TFDS slices.

    Args:
        config: `train_split` and `val_split` are used.
        descriptor: of the dataset.
        counts: examples of each split.
        stream: the examples of a slice.
        default: slices that train and that validate where no flags say.
    """

    def checked(split: str, flag: str) -> Iterator[Example]:
        resolve_slice(split, counts, flag)
        return stream(split)

    train, val = default
    meaning = {"train": config.train_split or train, "validation": config.val_split or val}
    return Reader(descriptor, checked, meaning)


def joined(split: str, runs: Sequence[range]) -> str:
    """Runs of positions in a split as a TFDS slice."""
    return "+".join(f"{split}[{run.start}:{run.stop}]" for run in runs)


def read_generated(
    config: DataConfig,
    descriptor: DatasetDescriptor,
    counts: Mapping[str, int],
    generate: Callable[[int, str, Any], Iterator[tuple[np.ndarray, np.ndarray]]],
    digits: int = 2,
) -> Reader:
    """An embedded dataset straight from its generator: nothing is written, nothing waited for.

    Args:
        config: `train_split` and `val_split` are used.
        descriptor: of the dataset.
        counts: examples of each split, of which `train` trains and `validation` validates.
        generate: images and labels of a seed, a split and numbers within it.
        digits: of the number in an example's key.
    """

    def stream(split: str) -> Iterator[Example]:
        for name, numbers in resolve_slice(split, counts, "split"):
            made = generate(EMBEDDED_SEED, name, numbers)
            for number, (image, label) in zip(numbers, made, strict=True):
                key = f"{name}-{number:0{digits}d}"
                yield Example(key, image if image.ndim == 3 else image[:, :, None], label)

    return read_slices(config, descriptor, counts, stream, ("train", "validation"))


def read_drawn(
    descriptor: DatasetDescriptor,
    parts: Callable[[], Mapping[str, Indices]],
    names: Sequence[str],
    stream: Callable[[Indices | None], Iterator[Example]],
) -> Reader:
    """A dataset whose parts are drawn by a seed, streamed.

    Args:
        descriptor: of the dataset.
        parts: draws the positions of each part; called once, when one is first asked for.
        names: of the parts; `all` is added.
        stream: the examples at positions, or all of them where that is None.
    """
    positions = _positions(descriptor, parts, names)
    return Reader(descriptor, lambda split, flag: stream(positions(split, flag)))


def read_drawn_at_once(
    descriptor: DatasetDescriptor,
    parts: Callable[[], Mapping[str, Indices]],
    names: Sequence[str],
    examples: Examples,
) -> Reader:
    """The same of `examples` that have been read already."""
    positions = _positions(descriptor, parts, names)

    def load(split: str, flag: str) -> Examples:
        chosen = positions(split, flag)
        return examples if chosen is None else examples.subset(chosen)

    return Reader(descriptor, lambda split, flag: one_by_one(load(split, flag)), at_once=load)


def _positions(
    descriptor: DatasetDescriptor, parts: Callable[[], Mapping[str, Indices]], names: Sequence[str]
) -> Callable[[str, str], Indices | None]:
    """What a part's name and the flag that gives it stand for; None is all examples."""
    draw = functools.cache(parts)
    known = (*names, "all")

    def positions(split: str, flag: str) -> Indices | None:
        if split not in known:
            raise UserError(
                f"--{flag}={split}: no such part of {descriptor.name}; take {', '.join(known)}."
            )
        return None if split == "all" else draw()[split]

    return positions
