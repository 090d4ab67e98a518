"""Reads any TFDS dataset: its builder, features, classes and splits."""

import contextlib
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from tfadvseg.config import DataConfig
from tfadvseg.data.colour_map import ColourMap, read_colour_map
from tfadvseg.data.descriptors import DatasetDescriptor, default_palette, numbered_names
from tfadvseg.data.examples import Example, values_of
from tfadvseg.data.folder_labels import (
    check_values,
    class_ids,
    class_names_of,
    warn_of_two_conventions,
)
from tfadvseg.data.folder_pages import MEMORY_LIMIT, Page
from tfadvseg.data.parallelism import fixed_parallelism
from tfadvseg.data.prepared import example_counts, quiet
from tfadvseg.data.readers import Reader, joined, read_slices
from tfadvseg.data.slices import resolve_slice
from tfadvseg.data.tfds_features import find_features, flattened, value_at
from tfadvseg.errors import UserError
from tfadvseg_datasets.pixels import chosen_channels, image_pixels, label_ids

TRAIN, VALIDATION = "train", ("validation", "val", "valid", "dev")


def open_tfds(config: DataConfig, name: str, val_fraction: float) -> Reader:
    """Returns a reader of a TFDS dataset, which is downloaded and prepared if necessary.

    Args:
        config: uses `dataset`, `data_dir` (files that must be downloaded by hand), `prepared_dir`,
            splits, features, `channels` and the options of labels and classes.
        name: name of the dataset, with its configuration and version if any: `NAME/CONFIG:VERSION`.
        val_fraction: share of `train` used for validation if neither the dataset nor a flag gives a
            validation split.

    Raises:
        UserError: the dataset, a feature or a split does not exist, the dataset cannot be prepared,
            or its labels need a flag that explains them.
    """
    builder = _prepared(config, name)
    image, label = find_features(
        builder.info.features,
        config.image_feature,
        config.label_feature,
        coloured=config.colour_map is not None,
    )
    logging.info("%s: images are %s, labels %s.", config.dataset, image, label)
    counts = example_counts(builder) or _counted(builder, config)
    colours = None
    if config.colour_map is not None:
        colours = read_colour_map(config.colour_map, config.class_names)
    source = _Source(config, builder, counts, image, label, colours)
    default = _default_splits(config, counts, val_fraction)
    used = (config.train_split or default[0], config.val_split or default[1])
    names = _class_names(source, used)
    if config.foreground_class and config.foreground_class not in names:
        raise UserError(
            f"--foreground_class={config.foreground_class}: no such class; choose one of "
            f"{', '.join(names)}."
        )
    first = next(source.stream(used[0]))
    _warn_of_size(source, first)
    descriptor = DatasetDescriptor(
        name=config.dataset,
        class_names=names,
        palette=default_palette(len(names)) if colours is None else colours.palette,
        image_channels=first.image.shape[-1],
        image_dtype=first.image.dtype.name,
        foreground_class=names.index(config.foreground_class) if config.foreground_class else None,
    )
    return read_slices(config, descriptor, counts, source.stream, default)


@dataclass(frozen=True)
class _Source:
    """A dataset that is ready to be read.

    Attributes:
        config: configuration of the dataset.
        builder: builder of a prepared copy.
        counts: number of examples per split.
        image, label: paths of the features.
        colours: classes of the labels' colours, if labels are colours.
    """

    config: DataConfig
    builder: tfds.core.DatasetBuilder
    counts: Mapping[str, int]
    image: str
    label: str
    colours: ColourMap | None

    def stream(self, split: str) -> Iterator[Example]:
        """The examples of a slice, in the order of the prepared copy."""
        value_map = dict(self.config.value_map)
        for key, example in self._raw(split):
            with _named(f"{self.config.dataset}, {key}"):
                image = np.asarray(value_at(example, self.image))
                image = chosen_channels(
                    image if image.ndim == 3 else image[..., np.newaxis],
                    self.config.channels,
                    f"{self.config.dataset}, {key}, {self.image}",
                )
                pixels = image_pixels(image, f"{self.config.dataset}, {key}, {self.image}")
            label = self._label(key, example)
            yield Example(key, pixels, label if self.colours else class_ids(label, value_map))

    def labels(self, split: str) -> Iterator[tuple[str, np.ndarray]]:
        """The labels of a slice as stored, with their keys."""
        for key, example in self._raw(split):
            yield key, self._label(key, example)

    def _label(self, key: str, example: Mapping[str, Any]) -> np.ndarray:
        where = f"{self.config.dataset}, {key}, {self.label}"
        label = np.asarray(value_at(example, self.label))
        label = label if label.ndim == 3 else label[..., np.newaxis]
        if self.colours is not None:
            if label.dtype != np.uint8 or label.shape[-1] not in (1, 3):
                raise UserError(
                    f"{where}: {label.shape[-1]} channels of {label.dtype} where --colour_map "
                    "expects colours; leave the flag out."
                )
            return self.colours.class_ids(np.broadcast_to(label, (*label.shape[:2], 3)), where)
        with _named(where):
            return label_ids(label, (), where)[0]

    def _raw(self, split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        reading = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
        for name, positions in resolve_slice(split, self.counts, "split"):
            if not positions:
                continue
            part = f"{name}[{positions.start}:{positions.stop}]"
            with quiet():
                examples = self.builder.as_dataset(split=part, read_config=reading)
            pairs = zip(positions, fixed_parallelism(examples).as_numpy_iterator(), strict=False)
            for number, example in pairs:
                yield f"{name}-{number:05d}", example


@contextlib.contextmanager
def _named(where: str) -> Iterator[None]:
    """Re-raises the error of an image or a label as a `UserError` of one line."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        raise UserError(text if where.split(",")[0] in text else f"{where}: {text}") from None


def _prepared(config: DataConfig, name: str) -> tfds.core.DatasetBuilder:
    place = config.prepared_dir and Path(config.prepared_dir).expanduser()
    try:
        with quiet(logging.ERROR):
            builder = tfds.builder(name, data_dir=place or None)
    except tfds.core.registered.DatasetNotFoundError:
        close = difflib.get_close_matches(name.split("/")[0].split(":")[0], tfds.list_builders())
        hint = f"did you mean {' or '.join(close)}?" if close else "see tfds.list_builders()."
        raise UserError(
            f"--dataset={config.dataset}: TFDS has no such dataset, and there is no prepared copy "
            f"in its folder (--prepared_dir); {hint}"
        ) from None
    except Exception as error:  # the configuration, the version, or the builder's own code
        raise UserError(f"--dataset={config.dataset}: {_first_line(error)}") from None
    if not builder.is_prepared():
        logging.info("TFDS prepares %s in %s.", name, builder.data_path)
        manual = config.data_dir and Path(config.data_dir).expanduser()
        try:
            builder.download_and_prepare(
                download_config=tfds.download.DownloadConfig(manual_dir=manual or None)
            )
        except Exception as error:  # the network, the builder or Beam
            raise UserError(
                f"--dataset={config.dataset}: TFDS could not prepare it "
                f"({type(error).__name__}: {_first_line(error)}); give files downloaded by hand "
                "by --data_dir, and prepared copies by --prepared_dir."
            ) from None
    return builder


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _counted(builder: tfds.core.DatasetBuilder, config: DataConfig) -> dict[str, int]:
    """Counts the examples of the splits in use, if the dataset does not give their number."""
    given = " ".join(filter(None, (config.train_split, config.val_split)))
    names = dict.fromkeys((TRAIN, *re.findall(r"[A-Za-z_]\w*", given)))
    with quiet():
        return {name: int(builder.as_dataset(split=name).cardinality()) for name in names}


def _default_splits(
    config: DataConfig, counts: Mapping[str, int], fraction: float
) -> tuple[str, str]:
    """Splits for training and validation: the dataset's own, or parts of `train`."""
    train = TRAIN if TRAIN in counts else next(iter(counts))
    own = next((name for name in VALIDATION if name in counts), None)
    if own is not None and config.val_fraction is None:
        return train, own
    count = counts[train]
    if count < 2:
        return train, train
    held = min(max(round(fraction * count), 1), count - 1)
    if not (config.train_split or config.val_split):
        logging.info(
            "%s: the last %d of %d examples of %s are for validation (--val_fraction).",
            config.dataset,
            held,
            count,
            train,
        )
    return joined(train, [range(count - held)]), joined(train, [range(count - held, count)])


def _class_names(source: _Source, splits: tuple[str, str]) -> tuple[str, ...]:
    """Names from the flags or the feature, or else one for each id that is found."""
    config = source.config
    if source.colours is not None:
        return source.colours.names
    if config.class_names and not config.value_map:
        return config.class_names
    feature = flattened(source.builder.info.features)[source.label]
    if isinstance(feature, tfds.features.LabeledImage) and not config.value_map:
        names = tuple(feature.names)
        return numbered_names(len(names)) if names == (*map(str, range(len(names))),) else names
    logging.info("%s: its labels are read to find their classes.", config.dataset)
    value_map = dict(config.value_map)
    pages = [
        _page(f"{config.dataset}, {source.label}", key, label)
        for split in dict.fromkeys(splits)
        for key, label in source.labels(split)
    ]
    check_values(pages, value_map)
    warn_of_two_conventions(pages, value_map)
    return class_names_of(pages, value_map, config.class_names)


def _page(where: str, key: str, label: np.ndarray) -> Page:
    """A label as the page of a folder, so that the same checks and messages apply."""
    return Page(
        key=key,
        stem=key,
        image_file=Path(key),
        label_file=Path(where) / key,
        number=0,
        size=(label.shape[0], label.shape[1]),
        stored="",
        dtype=label.dtype,
        values=values_of(label),
    )


def _warn_of_size(source: _Source, first: Example) -> None:
    size = sum(source.counts.values()) * (first.image.nbytes + first.label.nbytes)
    if size > MEMORY_LIMIT:
        logging.warning(
            "%s: decoded, all splits take about %.0f GiB, and those in use are held in memory; "
            "select fewer examples by --train_split and --val_split if that is too much.",
            source.config.dataset,
            size / 2**30,
        )
