"""Names that lists may use for the images of a folder. No TensorFlow here."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from tfadvseg.data.names import plain_name


def names_of_files(
    files: Iterable[tuple[str, Path, Path | None]], root: Path
) -> Mapping[str, frozenset[str]]:
    """Paths by which lists may name images, each with the stems of the images that it matches.

    These are the paths of an image and of its label: absolute, relative to the root or to the
    root's images/ or labels/, and the file name alone; with and without suffix.

    Args:
        files: stem, image and label of each example.
        root: folder that contains them.
    """
    names: dict[str, set[str]] = {}
    for stem, *paths in files:
        for path in paths:
            if path is None:
                continue
            inner = PurePosixPath(plain_name(path.relative_to(root).as_posix()))
            shorter = PurePosixPath(*inner.parts[1:]) if len(inner.parts) > 1 else inner
            absolute = PurePosixPath(plain_name(os.path.abspath(path)))  # noqa: PTH100 (no links)
            for name in (inner, shorter, PurePosixPath(inner.name), absolute):
                for written in (name, name.with_suffix("")):
                    names.setdefault(str(written), set()).add(stem)
    return {name: frozenset(stems) for name, stems in names.items()}


def stems_of(line: str, names: Mapping[str, frozenset[str]], list_folder: Path) -> frozenset[str]:
    """Stems of the images that a line of a list matches; empty if there are none.

    Args:
        line: a path as in `names_of_files`, or one relative to the list's folder; or two paths, of
            an image and its label, as in CamVid's lists.
        names: result of `names_of_files`.
        list_folder: folder of the list.
    """
    path = os.path.normpath(line.replace("\\", "/"))
    beside = plain_name(os.path.normpath(Path(os.path.abspath(list_folder)) / path))  # noqa: PTH100
    for name in (path, beside):
        if name in names:
            return names[name]
    columns = line.split()
    if len(columns) == 2:
        image, label = (stems_of(column, names, list_folder) for column in columns)
        return image & label
    return frozenset()
