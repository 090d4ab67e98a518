"""Paths that TensorFlow reads as they stand.

When TensorFlow reads a checkpoint or the weights of a SavedModel, it takes the path for a pattern
(`RestoreV2` calls `GetMatchingPaths`), in which brackets, stars, question marks and backslashes
have another meaning. It does not accept paths that are not UTF-8 at all.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OF_PATTERNS = frozenset("*?[]\\")


@contextmanager
def plain_path(path: str | os.PathLike) -> Iterator[str]:
    """Yields a path to the same file or folder that is no pattern.

    That is the path itself, unless a folder on it has such a name: then it leads through a link in
    a temporary folder, for as long as the block lasts.

    Args:
        path: its last part must be plain.
    """
    path = Path(path)
    if _is_plain(str(path)):
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="tfadvseg-") as folder:
        link = Path(folder) / "link"
        link.symlink_to(path.parent.absolute(), target_is_directory=True)
        yield str(link / path.name)


def _is_plain(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return _OF_PATTERNS.isdisjoint(path)
