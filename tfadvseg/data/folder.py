"""A folder of a user's images and labels as a dataset. No TensorFlow here."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from absl import logging

from tfadvseg.config import DataConfig
from tfadvseg.data.colour_map import ColourMap, read_colour_map
from tfadvseg.data.descriptors import DatasetDescriptor, default_palette
from tfadvseg.data.examples import Examples
from tfadvseg.data.folder_files import (
    find_files,
    find_images_alone,
    find_images_to_draw_on,
    folder_of,
)
from tfadvseg.data.folder_labels import (
    check_values,
    class_ids,
    class_names_of,
    warn_of_two_conventions,
)
from tfadvseg.data.folder_names import names_of_files
from tfadvseg.data.folder_pages import (
    Page,
    ReadLabel,
    Source,
    read_label_file,
    read_pages,
)
from tfadvseg.data.images import open_windows, read_images
from tfadvseg.data.outlines import read_outlines
from tfadvseg.data.stored_pages import Reading
from tfadvseg.errors import UserError
from tfadvseg_datasets.decoded import Decoded


@dataclass(frozen=True)
class Folder:
    """A folder that has been read and checked.

    Attributes:
        descriptor: descriptor whose classes have the user's names, or `class_0`, `class_1`, ...
        examples: images with labels, sorted by key: the image's stem (after its sub-folders), and
            for files of several pages `stem/000`, `stem/001`, ...
        stems: stem of each example's file.
        unlabelled: images without a label, or None; if sub-folders divide the folder, only those
            of `train`.
        parts: part of each example if sub-folders divide the folder (`folder_files.PARTS`), else
            None.
        unlabelled_test: images of the part `test` without a label, or None.
        names: paths that lists may use for the images (`folder_names.names_of_files`).
    """

    descriptor: DatasetDescriptor
    examples: Examples
    stems: tuple[str, ...]
    unlabelled: Examples | None = None
    parts: tuple[str | None, ...] = ()
    unlabelled_test: Examples | None = None
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)


def read_folder(config: DataConfig) -> Folder:
    """Reads the images and labels that `folder_files.find_files` pairs by their stems.

    Images without a label are also read; their number is logged. With `label_suffix`, a label's
    stem is its image's stem followed by the suffix (`x.jpg`, `x_mask.gif`), and both may be in the
    same folder: `data_dir`/images, or `data_dir` itself. Every file is read and checked once. If
    all pixels together exceed `folder_pages.MEMORY_LIMIT`, they stay on disk.

    Args:
        config: uses `data_dir`, `label_suffix`, `recursive`, `channels`, `axes`, `value_map`,
            `colour_map`, `annotations`, `class_names` and `foreground_class`, and checks flags
            that divide the folder against its sub-folders.

    Raises:
        UserError: a file is missing, unreadable or does not match the others; names the file.
    """
    outlines = None
    if config.annotations is None:
        files = find_files(config)
    else:
        outlines = read_outlines(config, find_images_to_draw_on(config))
        files = [*outlines.files]
    part_of = {file.stem: file.part for file in files}
    sources = [(file.stem, file.image, file.label) for file in files]
    colours = None
    read_label: ReadLabel = read_label_file
    if config.colour_map is not None:
        colours = read_colour_map(config.colour_map, config.class_names)
        read_label = colour_reader(colours)
    if outlines is not None:
        read_label = outlines.read_label
    every = read_pages(sources, _reading(config), read_label)
    _check_normalisation(config, every.pages)
    read = every.where(lambda page: page.label_file is not None)
    others = every.where(lambda page: page.label_file is None)
    if others.pages:
        logging.info(
            "%s: %d images have labels, %d have none.",
            config.data_dir,
            len(read.pages),
            len(others.pages),
        )
    value_map = dict(config.value_map)
    if colours is not None:
        names = colours.names
    elif outlines is not None:
        names = outlines.names
    else:
        check_values(read.pages, value_map)
        warn_of_two_conventions(read.pages, value_map)
        names = class_names_of(read.pages, value_map, config.class_names)
    if config.foreground_class and config.foreground_class not in names:
        raise UserError(
            f"--foreground_class={config.foreground_class}: no such class; choose one of "
            f"{', '.join(names)}."
        )
    meaning = repr(sorted(value_map.items() if colours is None else colours.ids.items()))
    if outlines is not None:
        meaning = repr(outlines.names)
    examples = read.examples(lambda raw: class_ids(raw, value_map), meaning)
    descriptor = DatasetDescriptor(
        name="folder",
        class_names=names,
        palette=default_palette(len(names)) if colours is None else colours.palette,
        image_channels=read.channels,
        image_dtype=read.image_dtype,
        foreground_class=(
            names.index(config.foreground_class) if config.foreground_class else None
        ),
    )

    def images_alone(*parts: str | None) -> Examples | None:
        chosen = others.where(lambda page: part_of[page.stem] in parts)
        return chosen.examples(None) if chosen.pages else None

    stems = tuple(page.stem for page in read.pages)
    return Folder(
        descriptor,
        examples,
        stems,
        images_alone(None, "train"),
        tuple(part_of[stem] for stem in stems),
        images_alone("test"),
        names_of_files(sources, folder_of(config)),
    )


def read_unlabelled_folder(config: DataConfig) -> Examples:
    """Reads the images of `find_images_alone`, with the keys that `read_folder` would give them.

    Raises:
        UserError: there are no images, or some are unreadable or differ in channels or depth.
    """
    sources = [(file.stem, file.image, None) for file in find_images_alone(config)]
    return read_pages(sources, _reading(config)).examples(None)


def colour_reader(colours: ColourMap) -> ReadLabel:
    """Returns a function that reads colour-coded labels."""

    def read(source: Source, sizes: Sequence[tuple[int, int]]) -> Decoded:
        del sizes
        _, _, label_file = source
        assert label_file is not None
        return colours.read(label_file)

    return read


def _reading(config: DataConfig) -> Reading:
    decode = functools.partial(read_images, channels=config.channels, axes=config.axes)
    windows = functools.partial(open_windows, channels=config.channels, axes=config.axes)
    return Reading(decode, windows)


def _check_normalisation(config: DataConfig, pages: Sequence[Page]) -> None:
    """Refuses `--normalise=percentile` if an image is only ever read in regions."""
    if config.normalise != "percentile":
        return
    for page in pages:
        if page.region is not None and page.size != page.page_sizes[page.number]:
            raise UserError(
                f"--normalise=percentile: {page.image_file} is read in regions, so its percentiles "
                "are not known; leave the flag out, or give smaller images."
            )
