"""The official layout: `leftImg8bit/SPLIT/CITY/` and `gtFine/SPLIT/CITY/`."""

import os

from etils import epath

from tfadvseg_datasets.pairs import png_files, require_folders, some
from tfadvseg_datasets.street_files import (
    Frame,
    Numbering,
    check_frames,
    frames_of_other_size,
)

IMAGES, LABELS = "leftImg8bit", "gtFine"
SPLITS = ("train", "val", "test")

_IMAGE_END = f"_{IMAGES}"
_OTHER_LABELS = {
    Numbering.LABEL_IDS.value: "labelIds",
    Numbering.TRAIN_IDS.value: "trainIds",
    "color": "colour-coded labels",
    "instanceIds": "instance ids",
}


def find_splits(
    folder: str | os.PathLike, numbering: Numbering = Numbering.LABEL_IDS
) -> dict[str, list[Frame]]:
    """The frames of each existing split, by city and name, checked by headers and a sample.

    `test` may lack labels (the published ones are void). Other splits, such as `train_extra`, are
    not read.

    Args:
        folder: contains `leftImg8bit` and `gtFine`.
        numbering: which label files to read.

    Raises:
        FileNotFoundError: a folder or files are missing; names them.
        ValueError: files are of another kind.
    """
    place = _checked(epath.Path(folder))
    splits = {
        split: _frames(place, split, numbering)
        for split in SPLITS
        if (place / IMAGES / split).is_dir()
    }
    if not splits:
        raise FileNotFoundError(
            f"{place / IMAGES}: holds none of the folders {', '.join(SPLITS)}; unpack the set's "
            f"{IMAGES}_trainvaltest.zip there."
        )
    for split, frames in splits.items():
        for _, message in frames_of_other_size(frames):
            raise ValueError(message)
        if split != "test":
            check_frames(frames, numbering)
    return splits


def raw_files(folder: str | os.PathLike) -> list[epath.Path]:
    """The images of the splits, and their labels in both numberings.

    Raises:
        FileNotFoundError: there is no such folder, or part of its content is missing.
    """
    place = _checked(epath.Path(folder))
    ends = (_IMAGE_END, *(f"_{numbering.value}" for numbering in Numbering))
    return [
        file
        for kind in (IMAGES, LABELS)
        for split in SPLITS
        if (place / kind / split).is_dir()
        for city in _cities(place / kind / split)
        for name, file in png_files(place / kind / split / city).items()
        if name.endswith(ends)
    ]


def _frames(place: epath.Path, split: str, numbering: Numbering) -> list[Frame]:
    labelled = split != "test" or (place / LABELS / split).is_dir()
    frames = []
    for city in _cities(place / IMAGES / split):
        images = _images(place / IMAGES / split / city)
        if labelled:
            labels = _labels(place / LABELS / split / city, list(images), numbering)
            frames += [Frame(name, images[name], labels[name]) for name in images]
        else:
            frames += [Frame(name, image, None) for name, image in images.items()]
    if labelled and (place / LABELS / split).is_dir():
        extra = set(_cities(place / LABELS / split)) - set(_cities(place / IMAGES / split))
        if extra:
            raise FileNotFoundError(
                f"{place / IMAGES / split}: lacks {some(sorted(extra))}, which {LABELS}/{split} "
                "has; unpack the images too."
            )
    if not frames:
        raise FileNotFoundError(f"{place / IMAGES / split}: no frames; it has no folder of a city.")
    return frames


def _cities(folder: epath.Path) -> list[str]:
    return sorted(
        child.name
        for child in folder.iterdir()
        if child.is_dir() and not child.name.startswith(".")
    )


def _images(folder: epath.Path) -> dict[str, epath.Path]:
    files = png_files(folder)
    if any(f"_{LABELS}_" in name for name in files):
        raise ValueError(
            f"{folder}: contains files of {LABELS}; images and labels are swapped: exchange "
            f"{IMAGES} and {LABELS}."
        )
    wrong = [file.name for name, file in files.items() if not name.endswith(_IMAGE_END)]
    if wrong:
        raise ValueError(
            f"{folder}: contains {some(wrong)}; expected names are "
            f"CITY_NUMBER_NUMBER{_IMAGE_END}.png."
        )
    return {name.removesuffix(_IMAGE_END): file for name, file in files.items()}


def _labels(folder: epath.Path, names: list[str], numbering: Numbering) -> dict[str, epath.Path]:
    end = f"_{LABELS}_{numbering.value}"
    files = png_files(folder)
    labels = {n.removesuffix(end): file for n, file in files.items() if n.endswith(end)}
    lacking = [name for name in names if name not in labels]
    if lacking:
        others = [
            kind
            for other, kind in _OTHER_LABELS.items()
            if f"{lacking[0]}_{LABELS}_{other}" in files and other != numbering.value
        ]
        expected = _OTHER_LABELS[numbering.value]
        hint = (
            f" It contains {' and '.join(others)}, but {expected} are expected." if others else ""
        )
        remedy = "unpack the set's own files"
        if numbering is Numbering.TRAIN_IDS:
            remedy = "make them with the set's scripts, or omit train_ids"
        elif "trainIds" in others:
            remedy += ", or choose train_ids"
        missing = some([f"{name}{end}.png" for name in lacking])
        raise FileNotFoundError(f"{folder}: lacks {missing}.{hint} Please {remedy}.")
    extra = [file.name for name, file in labels.items() if name not in set(names)]
    if extra:
        raise FileNotFoundError(f"{folder}: {some(extra)} have no image in {IMAGES}; add them.")
    return labels


def _checked(place: epath.Path) -> epath.Path:
    """The folder itself, after checking its content."""
    if not place.is_dir():
        raise FileNotFoundError(f"{place}: no such folder.")
    # Images alone are enough if all are test frames.
    needed = [IMAGES, LABELS]
    if (place / IMAGES).is_dir() and _cities(place / IMAGES) == ["test"]:
        needed = [IMAGES]
    require_folders(place, needed, (IMAGES, LABELS))
    return place
