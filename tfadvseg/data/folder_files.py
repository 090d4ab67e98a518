"""Finds the images, the labels and the parts of a folder. No TensorFlow here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from absl import logging

from tfadvseg.config import DataConfig
from tfadvseg.data.images import SUFFIXES, find_image_files, require_target, unread_images
from tfadvseg.data.names import plain_name
from tfadvseg.errors import UserError
from tfadvseg_datasets.pairs import some

PARTS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
"""Names of sub-folders that divide a folder, and the part that each of them holds."""


@dataclass(frozen=True)
class FolderFile:
    """An image with its label.

    Attributes:
        stem: name of the image: its sub-folders, and its file's name without suffix.
        image, label: paths of the files; the label is None if there is none.
        part: `train`, `validation` or `test` if sub-folders divide the folder, else None.
    """

    stem: str
    image: Path
    label: Path | None
    part: str | None = None


def find_files(config: DataConfig) -> list[FolderFile]:
    """The images of `data_dir` and their labels, sorted by stem.

    Images are in `data_dir`/images and labels in `data_dir`/labels. If the folder is divided, both
    are in each of `data_dir`/train, `data_dir`/val and `data_dir`/test that exists, or in
    `data_dir`/images/train, `data_dir`/labels/train and so on.

    Args:
        config: uses `data_dir`, `label_suffix` and `recursive`; flags that would divide the folder
            in another way are refused.

    Raises:
        UserError: missing folders or files, labels without an image, or two files with one stem.
    """
    root = folder_of(config)
    suffix = plain_name(config.label_suffix)
    parts = _parts(root)
    _check_division(config, parts)
    if parts is None:
        image_dir, label_dir = _folders(root, suffix)
        return _pairs(image_dir, label_dir, suffix, config.recursive)
    found: list[FolderFile] = []
    for name in parts:
        if (root / "images").is_dir():
            image_dir, label_dir = root / "images" / name, root / "labels" / name
        else:
            image_dir, label_dir = _folders(root / name, suffix, needs_labels=False)
        if suffix and not label_dir.is_dir():
            label_dir = image_dir
        part = PARTS[name]
        # Only test images may lack labels: challenges do not publish them.
        own = _pairs(image_dir, label_dir, suffix, config.recursive, part != "test")
        found += [replace(file, stem=f"{name}/{file.stem}", part=part) for file in own]
    return sorted(found, key=lambda file: file.stem)


def find_images_alone(config: DataConfig) -> list[FolderFile]:
    """The images of `data_dir`/images, or of its part `train`; labels are not looked for.

    Raises:
        UserError: there are no images, or two with one stem.
    """
    root, suffix = folder_of(config), plain_name(config.label_suffix)
    parts = _parts(root)
    folder, ahead = root / "images", ""
    if parts is not None:
        inner = folder / "train"
        folder = inner if folder.is_dir() else root / "train"
        folder = folder / "images" if (folder / "images").is_dir() else folder
        ahead = "train/"
    files = find_image_files(folder, config.recursive)
    if suffix:
        files = [file for file in files if not _ends_in(file, suffix)]
    if not files:
        raise UserError(_no_images(folder, config.recursive))
    stems = _by_stem(files, folder, "")
    return [FolderFile(ahead + stem, path, None) for stem, path in stems.items()]


def find_images_to_draw_on(config: DataConfig) -> list[FolderFile]:
    """The images of `data_dir`/images, or of `data_dir` itself, sorted by stem.

    Raises:
        UserError: there are no images, two with one stem, or sub-folders that divide them.
    """
    root = folder_of(config)
    if _parts(root) is not None:
        raise UserError(
            f"--annotations={config.annotations}: not valid for a folder divided by sub-folders; "
            "divide its images by lists or by shares, or give the folder of one part."
        )
    folder = root / "images" if (root / "images").is_dir() else root
    files = find_image_files(folder, config.recursive)
    if not files:
        raise UserError(_no_images(folder, config.recursive))
    stems = _by_stem(files, folder, "")
    return [FolderFile(stem, stems[stem], None) for stem in sorted(stems)]


def holds_images_alone(config: DataConfig) -> bool:
    """Whether a folder holds images and no place for labels."""
    if config.data_dir is None or config.label_suffix or config.annotations:
        return False
    root = folder_of(config)
    if (root / "labels").exists():
        return False
    if (root / "images").is_dir():
        return True
    parts = _parts(root) or ()
    return bool(parts) and all(
        (root / name / "images").is_dir() and not (root / name / "labels").exists()
        for name in parts
    )


def folder_of(config: DataConfig) -> Path:
    """`data_dir`.

    Raises:
        UserError: it is not given, or does not exist.
    """
    if config.data_dir is None:
        raise UserError("--data_dir: give the folder that holds images and labels.")
    root = Path(config.data_dir).expanduser()
    if not root.is_dir():
        raise UserError(f"--data_dir={root}: no such folder.")
    return root


def _parts(root: Path) -> list[str] | None:
    """Names of the sub-folders that divide a folder; None if it is not divided.

    Raises:
        UserError: two sub-folders hold the same part.
    """
    images = root / "images"
    place = images if images.is_dir() else root
    if not (place / "train").is_dir() or (place == images and find_image_files(images)):
        return None
    for name in PARTS:
        require_target(place / name)
    names = [name for name in PARTS if (place / name).is_dir()]
    if len({PARTS[name] for name in names}) < len(names):
        raise UserError(
            f"{place}: {', '.join(names)}: two folders of validation images; keep one of them."
        )
    return names


def _check_division(config: DataConfig, names: list[str] | None) -> None:
    """Refuses flags that divide a folder in another way than its sub-folders."""
    given: dict[str, object] = {
        "train_list": config.train_list,
        "test_list": config.test_list,
        "folds": config.folds or None,
    }
    parts = {PARTS[name] for name in names or ()}
    if "validation" in parts:
        given["val_fraction"] = config.val_fraction
    if "test" in parts:
        given["test_fraction"] = config.test_fraction or None
    for flag, value in given.items():
        if names is not None and value is not None:
            raise UserError(
                f"--{flag}={value}: the sub-folders {', '.join(names)} of {config.data_dir} "
                "already divide its images; leave the flag out."
            )


def _folders(root: Path, suffix: str, needs_labels: bool = True) -> tuple[Path, Path]:
    """The folder of the images and that of the labels."""
    image_dir, label_dir = root / "images", root / "labels"
    for folder in (image_dir, label_dir):
        require_target(folder)
    if suffix:
        image_dir = image_dir if image_dir.is_dir() else root
        label_dir = label_dir if label_dir.is_dir() else image_dir
    needed = (image_dir, label_dir) if needs_labels else (image_dir,)
    absent = [folder.name for folder in needed if not folder.is_dir()]
    if absent:
        raise UserError(
            f"--data_dir={root}: holds no folder {' and no folder '.join(absent)}; put images "
            "into images/ and labels of equal stems into labels/, or say with --label_suffix how "
            "labels in the images' folder are told apart."
        )
    return image_dir, label_dir


def _pairs(
    image_dir: Path, label_dir: Path, suffix: str, recursive: bool, needs_labels: bool = True
) -> list[FolderFile]:
    """Pairs images with labels of another folder, or of the same folder by the labels' suffix."""
    image_files = find_image_files(image_dir, recursive)
    if label_dir == image_dir:
        image_files = [file for file in image_files if not _ends_in(file, suffix)]
    else:
        image_files = [file for file in image_files if label_dir not in file.parents]
    label_files: list[Path] = []
    if needs_labels or label_dir.is_dir():
        label_files = find_image_files(label_dir, recursive)
    label_files = [file for file in label_files if _ends_in(file, suffix)]
    if not image_files:
        raise UserError(_no_images(image_dir, recursive))
    if not label_files and needs_labels:
        ending = f" whose stems end in {suffix}" if suffix else ""
        raise UserError(
            f"{label_dir}: holds no labels ({', '.join(SUFFIXES)}){ending}; put them there."
            + _deeper(label_dir, recursive)
        )
    for folder in dict.fromkeys((image_dir, label_dir)):
        if folder.is_dir() and (unread := unread_images(folder, recursive)):
            logging.warning(
                "%s: not read, because of their suffixes (read are %s); convert what you need to "
                "PNG or TIFF.",
                some(unread),
                ", ".join(SUFFIXES),
            )
    images = _by_stem(image_files, image_dir, "")
    labels = _by_stem(label_files, label_dir, suffix)
    lonely = [_within(labels[stem], label_dir) for stem in labels if stem not in images]
    if lonely:
        raise UserError(
            f"{label_dir}: no image in {image_dir} for {some(lonely)}; a label has its image's "
            f"stem{' and ' + suffix if suffix else ''}."
        )
    return [FolderFile(stem, images[stem], labels.get(stem)) for stem in sorted(images)]


def _no_images(folder: Path, recursive: bool) -> str:
    holds = f"{folder}: holds no images ({', '.join(SUFFIXES)})"
    if unread := unread_images(folder, recursive):
        names = some([file.name for file in unread])
        return f"{holds}, only {names}; convert them to PNG or TIFF."
    return f"{holds}; put them there." + _deeper(folder, recursive)


def _deeper(folder: Path, recursive: bool) -> str:
    """Sentence to add to an error if sub-folders hold the missing files."""
    if recursive or not find_image_files(folder, recursive=True):
        return ""
    return " Its sub-folders hold some; read them with --recursive."


def _ends_in(file: Path, suffix: str) -> bool:
    return plain_name(file.stem).endswith(suffix)


def _within(file: Path, folder: Path) -> str:
    return plain_name(file.relative_to(folder).as_posix())


def _by_stem(files: Sequence[Path], folder: Path, suffix: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        stem = PurePath(_within(file, folder)).with_suffix("").as_posix().removesuffix(suffix)
        if stem in found:
            alike = "the same stem"
            if file.stem != found[stem].stem:
                alike = "the same stem but for how its accented letters are composed"
            raise UserError(f"{file}: {found[stem].name} has {alike}; rename one of them.")
        found[stem] = file
    return found
