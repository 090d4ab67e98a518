"""Files and folders that appear complete or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".unfinished-"
"""Part of the names of incomplete files and folders, which begin with a dot."""


def write_bytes(path: str | Path, content: bytes) -> None:
    """Writes a file by renaming a finished one over it; creates its folder if absent."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _errors_name(path):
        _write_bytes(path, content)


def _write_bytes(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}{UNFINISHED}", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's mode hides the file from other users
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """Lets errors name the file; the system names a temporary one, or none if the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_text(path: str | Path, content: str) -> None:
    """Like `write_bytes`, encoded as UTF-8; `files.text.read_text` gives the same text again."""
    write_bytes(path, content.encode("utf-8", "surrogateescape"))


def unwritable_place(folder: str | Path) -> Path | None:
    """The place on a (possibly absent) folder's path that prevents writing there, or None."""
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    return None if place.is_dir() and os.access(place, os.W_OK | os.X_OK) else place


def remove_leftovers(folder: str | Path) -> None:
    """Removes files left unfinished by a kill directly in a folder that nobody is writing to."""
    for path in Path(folder).glob(f".*{UNFINISHED}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Yields a temporary sibling to fill; it becomes `path` only if the block succeeds.

    Raises:
        FileExistsError: `path` exists when the block ends.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}{UNFINISHED}", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            raise FileExistsError(f"{path} exists already.")
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
