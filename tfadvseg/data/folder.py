"""A folder of the user's own images and labels as a dataset. No TensorFlow here."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import logging

from tfadvseg.config import DataConfig
from tfadvseg.data.descriptors import DatasetDescriptor, default_palette
from tfadvseg.data.examples import Examples
from tfadvseg.data.folder_labels import (
    check_values,
    class_ids,
    class_names_of,
    warn_of_two_conventions,
)
from tfadvseg.data.folder_pages import Decode, read_pages
from tfadvseg.data.images import SUFFIXES, find_image_files, read_images
from tfadvseg.data.names import plain_name
from tfadvseg.errors import UserError
from tfadvseg_datasets.pairs import some


@dataclass(frozen=True)
class Folder:
    """A folder that has been read and checked.

    Attributes:
        descriptor: classes as the user names them, or `class_0`, `class_1`, ...
        examples: those with labels, in order of their keys: the image's stem, and for files of
            several pages `stem/000`, `stem/001`, ...
        stems: the stem of each example's file.
        unlabelled: images for which there is no label, or None.
    """

    descriptor: DatasetDescriptor
    examples: Examples
    stems: tuple[str, ...]
    unlabelled: Examples | None = None


def read_folder(config: DataConfig) -> Folder:
    """Reads `data_dir`/images and `data_dir`/labels, files of equal stems belonging together.

    Images without a label are read too, and how many there are is logged. With `label_suffix`, a
    label's stem is its image's and the suffix (`x.jpg`, `x_mask.gif`), and
    both may share a folder: `data_dir`/images, or `data_dir` itself. Every file is read and checked
    once; where all pixels would not fit into `folder_pages.MEMORY_LIMIT`, they stay on disk.

    Args:
        config: `data_dir`, `label_suffix`, `channels`, `axes`, `value_map`, `class_names` and
            `foreground_class` are used.

    Raises:
        UserError: anything that is missing, unreadable or does not fit together, by name.
    """
    if config.data_dir is None:
        raise UserError("--data_dir: give the folder that holds images and labels.")
    pairs = find_pairs(Path(config.data_dir).expanduser(), config.label_suffix)
    sources = [(plain_name(image.stem), image, label) for image, label in pairs]
    every = read_pages(sources, _decoder(config))
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
    check_values(read.pages, value_map)
    warn_of_two_conventions(read.pages, value_map)
    names = class_names_of(read.pages, value_map, config.class_names)
    if config.foreground_class and config.foreground_class not in names:
        raise UserError(
            f"--foreground_class={config.foreground_class}: no such class; choose one of "
            f"{', '.join(names)}."
        )
    examples = read.examples(lambda raw: class_ids(raw, value_map), repr(sorted(value_map.items())))
    descriptor = DatasetDescriptor(
        name="folder",
        class_names=names,
        palette=default_palette(len(names)),
        image_channels=read.channels,
        image_dtype=read.image_dtype,
        foreground_class=(
            names.index(config.foreground_class) if config.foreground_class else None
        ),
    )
    stems = tuple(page.stem for page in read.pages)
    return Folder(descriptor, examples, stems, others.examples(None) if others.pages else None)


def lacks_labels(config: DataConfig) -> bool:
    """Whether a folder holds `images` and nothing that labels could be in."""
    if config.data_dir is None or config.label_suffix:
        return False
    folder = Path(config.data_dir).expanduser()
    return (folder / "images").is_dir() and not (folder / "labels").exists()


def read_unlabelled_folder(config: DataConfig) -> Examples:
    """Reads `data_dir`/images, with keys as `read_folder` gives them, and no labels.

    Raises:
        UserError: there are no images, or some that are unreadable or do not go together.
    """
    folder = Path(config.data_dir or "").expanduser() / "images"
    files = find_image_files(folder)
    if suffix := plain_name(config.label_suffix):
        files = [file for file in files if not _ends_in(file, suffix)]
    if not files:
        raise UserError(f"{folder}: holds no images ({', '.join(SUFFIXES)}); put them there.")
    stems = _by_stem(files, "")
    sources = [(stem, path, None) for stem, path in stems.items()]
    return read_pages(sources, _decoder(config)).examples(None)


def _decoder(config: DataConfig) -> Decode:
    return functools.partial(read_images, channels=config.channels, axes=config.axes)


def find_pairs(data_dir: Path, label_suffix: str = "") -> list[tuple[Path, Path | None]]:
    """Images and their labels, None where there is no such file, in order of the images' stems.

    Raises:
        UserError: folders or files that are missing, labels without an image, or stems that are
            there twice.
    """
    label_suffix = plain_name(label_suffix)
    if not data_dir.is_dir():
        raise UserError(f"--data_dir={data_dir}: no such folder.")
    image_dir, label_dir = data_dir / "images", data_dir / "labels"
    if label_suffix:
        image_dir = image_dir if image_dir.is_dir() else data_dir
        label_dir = label_dir if label_dir.is_dir() else image_dir
    absent = [folder.name for folder in (image_dir, label_dir) if not folder.is_dir()]
    if absent:
        raise UserError(
            f"--data_dir={data_dir}: holds no folder {' and no folder '.join(absent)}; put images "
            "into images/ and labels of equal stems into labels/, or say with --label_suffix how "
            "labels in the images' folder are told apart."
        )
    image_files, label_files = find_image_files(image_dir), find_image_files(label_dir)
    if label_dir == image_dir:
        image_files = [file for file in image_files if not _ends_in(file, label_suffix)]
    label_files = [file for file in label_files if _ends_in(file, label_suffix)]
    if not image_files:
        raise UserError(f"{image_dir}: holds no images ({', '.join(SUFFIXES)}); put them there.")
    if not label_files:
        ending = f" whose stems end in {label_suffix}" if label_suffix else ""
        raise UserError(
            f"{label_dir}: holds no labels ({', '.join(SUFFIXES)}){ending}; put them there."
        )
    images = _by_stem(image_files, "")
    labels = _by_stem(label_files, label_suffix)
    lonely = [labels[stem].name for stem in labels if stem not in images]
    if lonely:
        raise UserError(
            f"{label_dir}: no image in {image_dir} for {some(lonely)}; a label has its image's "
            f"stem{' and ' + label_suffix if label_suffix else ''}."
        )
    return [(images[stem], labels.get(stem)) for stem in sorted(images)]


def _ends_in(file: Path, suffix: str) -> bool:
    return plain_name(file.stem).endswith(suffix)


def _by_stem(files: Sequence[Path], suffix: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        stem = plain_name(file.stem).removesuffix(suffix)
        if stem in found:
            raise UserError(
                f"{file}: {found[stem].name} has the same stem; give each file one of its own."
            )
        found[stem] = file
    return found
