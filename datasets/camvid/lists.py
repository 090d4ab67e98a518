"""The preparation's files: list files, and the folders of frames and labels that they refer to."""

import os
from pathlib import PurePosixPath

from etils import epath

from tfadvseg_datasets.pairs import Pair, png_files, some

SPLITS = ("train", "val", "test")


def find_splits(folder: str | os.PathLike) -> dict[str, list[Pair]]:
    """The frames of each split whose folder exists, in the order of its list.

    Only the last folder and the name of each path in a list are used: the rest (`/SegNet/CamVid/`)
    is where the authors of the list had the files.

    Raises:
        FileNotFoundError: there is no split, or files of one are missing; names them.
        ValueError: a list is empty or malformed, or does not list some frames; names them.
    """
    place = epath.Path(folder)
    if not place.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder.")
    present = [split for split in SPLITS if _folders_of(place, split)]
    if not present:
        raise FileNotFoundError(
            f"{folder}: contains none of the folders {', '.join(SPLITS)}; put the files of "
            "SegNet's CamVid there."
        )
    return {split: _read_split(place, split) for split in present}


def raw_files(folder: str | os.PathLike) -> list[epath.Path]:
    """The files that the dataset is made from.

    Raises:
        FileNotFoundError, ValueError: as `find_splits`.
    """
    files = []
    for split, pairs in find_splits(folder).items():
        files.append(epath.Path(folder) / f"{split}.txt")
        files += [file for pair in pairs for file in (pair.image, pair.label)]
    return files


def _folders_of(place: epath.Path, split: str) -> list[str]:
    return [name for name in (split, f"{split}annot") if (place / name).is_dir()]


def _read_split(place: epath.Path, split: str) -> list[Pair]:
    """Reads a list and checks that it and both folders have the same names."""
    list_file = place / f"{split}.txt"
    folders = (split, f"{split}annot")
    lacking = [name for name in folders if name not in _folders_of(place, split)]
    lacking += [list_file.name] if not list_file.is_file() else []
    if lacking:
        raise FileNotFoundError(
            f"{place}: lacks {' and '.join(lacking)} of the split {split}; a split is the folders "
            f"{folders[0]} and {folders[1]} and the list {list_file.name}; add them, or remove all "
            "three."
        )
    names = _listed(list_file, folders)
    images, labels = (png_files(place / name) for name in folders)
    for files, name in zip((images, labels), folders, strict=True):
        missing = [f"{n}.png" for n in names if n not in files]
        if missing:
            raise FileNotFoundError(
                f"{place / name}: lacks {some(missing)}, which {list_file.name} lists."
            )
        extra = [file.name for n, file in files.items() if n not in names]
        if extra:
            raise ValueError(
                f"{list_file}: does not list {some(extra)} of {name}; add them to the list, or "
                "remove the files."
            )
    return [Pair(name, images[name], labels[name]) for name in names]


def _listed(list_file: epath.Path, folders: tuple[str, str]) -> dict[str, None]:
    """The names in a list, in its order (a dictionary, for fast look-up)."""
    names: dict[str, None] = {}
    form = f"an image of {folders[0]}/ and its label of {folders[1]}/, with equal names"
    for number, line in enumerate(_lines(list_file), start=1):
        paths = [PurePosixPath(path) for path in line.split()]
        if not paths:
            continue
        if tuple(path.parent.name for path in paths) != folders or paths[0].name != paths[1].name:
            raise ValueError(f"{list_file}: line {number} is {line.strip()!r}; expected {form}.")
        if paths[0].stem in names:
            raise ValueError(f"{list_file}: line {number} lists {paths[0].stem} again.")
        names[paths[0].stem] = None
    if not names:
        raise ValueError(f"{list_file}: empty; expected on each line {form}.")
    return names


def _lines(list_file: epath.Path) -> list[str]:
    try:
        return list_file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{list_file}: not a text file.") from None
