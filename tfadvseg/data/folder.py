"""A folder of the user's own images and labels as a dataset. No TensorFlow here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfadvseg.config import DataConfig
from tfadvseg.data.descriptors import IGNORE_LABEL, DatasetDescriptor, default_palette
from tfadvseg.data.examples import Examples, shortened, values_of
from tfadvseg.data.images import SUFFIXES, find_image_files, read_images, read_labels
from tfadvseg.errors import UserError


@dataclass(frozen=True)
class Folder:
    """A folder that has been read and checked.

    Attributes:
        descriptor: classes as the user names them, or `class_0`, `class_1`, ...
        examples: all of them, in order of their keys: the image's stem, and for files of several
            pages `stem/000`, `stem/001`, ...
        stems: the stem of each example's file.
    """

    descriptor: DatasetDescriptor
    examples: Examples
    stems: tuple[str, ...]


def read_folder(config: DataConfig) -> Folder:
    """Reads `data_dir`/images and `data_dir`/labels, files of equal stems belonging together.

    With `label_suffix`, a label's stem is its image's and the suffix (`x.jpg`, `x_mask.gif`), and
    both may share a folder: `data_dir`/images, or `data_dir` itself.

    Args:
        config: `data_dir`, `label_suffix`, `value_map` and `class_names` are used.

    Raises:
        UserError: anything that is missing, unreadable or does not fit together, by name.
    """
    if config.data_dir is None:
        raise UserError("--data_dir: give the folder that holds images and labels.")
    pairs = find_pairs(Path(config.data_dir).expanduser(), config.label_suffix)
    keys, images, raw_labels, sources = [], [], [], []
    for image_path, label_path in pairs:
        pages = _read_pair(image_path, label_path)
        for number, (image, label) in enumerate(pages):
            suffix = "" if len(pages) == 1 else f"/{number:03d}"
            keys.append(image_path.stem + suffix)
            images.append(image)
            raw_labels.append(label)
            sources.append((image_path, label_path))
    _check_channels(images, [image_path for image_path, _ in sources])
    label_paths = [label_path for _, label_path in sources]
    labels = _class_ids(raw_labels, label_paths, dict(config.value_map))
    names = _class_names(labels, label_paths, config)
    descriptor = DatasetDescriptor(
        name="folder",
        class_names=names,
        palette=default_palette(len(names)),
        image_channels=images[0].shape[-1],
        train_split="",
        val_split="",
    )
    stems = tuple(image_path.stem for image_path, _ in sources)
    return Folder(descriptor, Examples(tuple(keys), tuple(images), tuple(labels)), stems)


def lacks_labels(config: DataConfig) -> bool:
    """Whether a folder holds `images` and nothing that labels could be in."""
    if config.data_dir is None or config.label_suffix:
        return False
    folder = Path(config.data_dir).expanduser()
    return (folder / "images").is_dir() and not (folder / "labels").exists()


def read_unlabelled_folder(config: DataConfig) -> Examples:
    """Reads `data_dir`/images, with keys as `read_folder` gives them.

    Raises:
        UserError: there are no images, or some that are unreadable or do not go together.
    """
    folder = Path(config.data_dir or "").expanduser() / "images"
    files = find_image_files(folder)
    if not files:
        raise UserError(f"{folder}: holds no images ({', '.join(SUFFIXES)}); put them there.")
    keys, images, sources = [], [], []
    for stem, path in _by_stem(files, "").items():
        pages = read_images(path)
        for number, image in enumerate(pages):
            keys.append(stem if len(pages) == 1 else f"{stem}/{number:03d}")
            images.append(image)
            sources.append(path)
    _check_channels(images, sources)
    return Examples(tuple(keys), tuple(images), None)


def find_pairs(data_dir: Path, label_suffix: str = "") -> list[tuple[Path, Path]]:
    """Image and label files that belong together, in order of the images' stems.

    Raises:
        UserError: folders or files that are missing, or stems that are there twice.
    """
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
        image_files = [file for file in image_files if not file.stem.endswith(label_suffix)]
    label_files = [file for file in label_files if file.stem.endswith(label_suffix)]
    if not image_files:
        raise UserError(f"{image_dir}: holds no images ({', '.join(SUFFIXES)}); put them there.")
    if not label_files:
        ending = f" whose stems end in {label_suffix}" if label_suffix else ""
        raise UserError(
            f"{label_dir}: holds no labels ({', '.join(SUFFIXES)}){ending}; put them there."
        )
    images = _by_stem(image_files, "")
    labels = _by_stem(label_files, label_suffix)
    lonely = [images[stem].name for stem in images if stem not in labels]
    if lonely:
        raise UserError(
            f"{image_dir}: no label in {label_dir} for {_some(lonely)}; labels have the image's "
            f"stem{' and ' + label_suffix if label_suffix else ''}."
        )
    lonely = [labels[stem].name for stem in labels if stem not in images]
    if lonely:
        raise UserError(f"{label_dir}: no image in {image_dir} for {_some(lonely)}.")
    return [(images[stem], labels[stem]) for stem in sorted(images)]


def _by_stem(files: Sequence[Path], suffix: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        stem = file.stem.removesuffix(suffix)
        if stem in found:
            raise UserError(
                f"{file}: {found[stem].name} has the same stem; give each file one of its own."
            )
        found[stem] = file
    return found


def _read_pair(image_path: Path, label_path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    images, labels = read_images(image_path), read_labels(label_path)
    if len(images) != len(labels):
        raise UserError(
            f"{label_path}: {len(labels)} pages, but {image_path.name} has {len(images)}; each "
            "page needs one label."
        )
    for image, label in zip(images, labels, strict=True):
        if image.shape[:2] != label.shape:
            raise UserError(
                f"{label_path}: {label.shape[0]} x {label.shape[1]} (height x width), but "
                f"{image_path.name} is {image.shape[0]} x {image.shape[1]}; they must agree."
            )
    return list(zip(images, labels, strict=True))


def _check_channels(images: Sequence[np.ndarray], paths: Sequence[Path]) -> None:
    first_of: dict[int, Path] = {}
    for image, path in zip(images, paths, strict=True):
        first_of.setdefault(image.shape[-1], path)
    if len(first_of) > 1:
        raise UserError(
            f"{first_of[1]} is grey and {first_of[3]} is in colour; make all images alike."
        )


def _class_ids(
    raw_labels: Sequence[np.ndarray], paths: Sequence[Path], value_map: dict[int, int]
) -> list[np.ndarray]:
    """Labels as uint8 class ids, through the value map if there is one."""
    for value, class_id in value_map.items():
        if not 0 <= class_id <= IGNORE_LABEL:
            raise UserError(
                f"--value_map={value}:{class_id}: class ids are 0 to {IGNORE_LABEL - 1}, and "
                f"{IGNORE_LABEL} for pixels to ignore."
            )
    labels, seen = [], set()
    for raw, path in zip(raw_labels, paths, strict=True):
        values = values_of(raw)
        seen.update(values.tolist())
        if value_map:
            unmapped = values[~np.isin(values, list(value_map))]
            if unmapped.size:
                raise UserError(
                    f"{path}: holds {shortened(unmapped)}, of which --value_map says nothing; add "
                    f"{unmapped[0]}:CLASS, or {unmapped[0]}:{IGNORE_LABEL} to ignore such pixels."
                )
            ids = np.array([value_map[value] for value in values.tolist()], np.uint8)
            labels.append(ids[np.searchsorted(values, raw)])
            continue
        odd = values[(values < 0) | (values > IGNORE_LABEL)]
        if odd.size:
            raise UserError(
                f"{path}: holds {shortened(odd)}; say with --value_map which class each value is, "
                f"as in --value_map=0:0,{odd[0]}:1."
            )
        labels.append(raw.astype(np.uint8))
    if not value_map and IGNORE_LABEL in seen and seen <= {0, IGNORE_LABEL}:
        raise UserError(
            f"{paths[0].parent}: labels hold no values but 0 and 255, and 255 would be ignored; "
            "say what it means, as in --value_map=0:0,255:1."
        )
    return labels


def _class_names(
    labels: Sequence[np.ndarray], paths: Sequence[Path], config: DataConfig
) -> tuple[str, ...]:
    """The user's names, or one for each id up to the largest; checks that labels fit them."""
    ids = {class_id for label in labels for class_id in values_of(label).tolist()}
    ids |= {class_id for _, class_id in config.value_map}
    ids -= {IGNORE_LABEL}
    if not config.class_names:
        largest = max(ids, default=0)
        if largest >= 16 and len(ids) <= largest / 2 and not config.value_map:
            raise UserError(
                f"{paths[0].parent}: labels hold {shortened(np.array(sorted(ids)))}: grey levels "
                "rather than class ids? Say with --value_map which class each value is, or name "
                f"all {largest + 1} classes with --class_names."
            )
        return tuple(f"class_{class_id}" for class_id in range(max(largest + 1, 2)))
    if len(config.class_names) < 2:
        raise UserError(f"--class_names={config.class_names[0]}: give two or more.")
    count = len(config.class_names)
    for label, path in zip(labels, paths, strict=True):
        values = values_of(label)
        wrong = values[(values >= count) & (values != IGNORE_LABEL)]
        if wrong.size:
            raise UserError(
                f"{path}: holds class {shortened(wrong)}, but --class_names names {count} classes, "
                f"0 to {count - 1}."
            )
    return config.class_names


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
