"""Folders of exports: one per version, with a description of the model and checksums.

<base>/<version>/...                          the model itself, in its format
<base>/<version>/assets.extra/model.json      the ModelSpec
<base>/<version>/assets.extra/SHA256SUMS      for `sha256sum -c`, from <version>
"""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from tfadvseg.errors import UserError
from tfadvseg.export.choices import LARGEST_VERSION
from tfadvseg.files import atomic, model_spec
from tfadvseg.files.disk_errors import disk_reason
from tfadvseg.files.model_spec import ModelSpec

EXTRA = "assets.extra"
CHECKSUMS = "SHA256SUMS"


def write_version(
    base_dir: str | Path, version: int | None, spec: ModelSpec, write_model: Callable[[Path], None]
) -> Path:
    """Writes `base_dir`/<version>/ whole or not at all.

    Args:
        base_dir: made if absent.
        version: a positive number; None takes the next after those present.
        spec: goes into the folder as `model.json`.
        write_model: writes the model's own files into a folder, where `EXTRA` is already present.

    Returns:
        The version's folder.

    Raises:
        UserError: the version exists, `base_dir` is not a folder to write to, or the disk is full.
    """
    if version is None:
        version = max(versions(base_dir), default=0) + 1
    if not 1 <= version <= LARGEST_VERSION:
        raise UserError(f"--version={version}: take 1 to {LARGEST_VERSION}.")
    folder = Path(base_dir) / str(version)
    if folder.exists():
        raise UserError(f"{folder}: exists already; give another --version or none.")
    try:
        with atomic.new_folder(folder) as temporary:
            extra = temporary / EXTRA
            extra.mkdir()
            write_model(temporary)
            (extra / model_spec.FILE_NAME).write_text(spec.to_json())
            (extra / CHECKSUMS).write_text(_checksums(temporary))
            _flush_to_disk(temporary)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{folder}: could not write the export ({disk_reason(error)}).") from error
    return folder


def find_version(path: str | Path) -> Path:
    """The version's folder that `path`, such a folder or a base folder, stands for.

    Raises:
        UserError: `path` is neither.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path}: no such folder.")
    if (path / EXTRA).exists() or (path / "saved_model.pb").exists():
        return path
    present = versions(path)
    if not present:
        raise UserError(f"{path}: holds no export, that is, no folder named by a number.")
    return present[max(present)]


def versions(base_dir: str | Path) -> dict[int, Path]:
    """Exports in a base folder by version; none if the folder does not exist."""
    base = Path(base_dir)
    if not base.is_dir():
        return {}
    numbered = (child for child in base.iterdir() if re.fullmatch(r"[0-9]+", child.name))
    return {int(child.name): child for child in numbered if child.is_dir()}


def check_version(folder: Path) -> ModelSpec:
    """Compares every file of an export with its checksum; returns the description of the model.

    Raises:
        UserError: a file is missing or differs.
    """
    listing = folder / EXTRA / CHECKSUMS
    if not listing.is_file():
        raise damaged(folder, f"{listing.relative_to(folder)} is missing")
    for line in listing.read_text(errors="replace").splitlines():
        expected, _, name = line.partition("  ")
        file = folder / name
        if not name or not file.is_file():
            raise damaged(folder, f"{name or listing.name} is missing or damaged")
        if _sha256(file) != expected:
            raise damaged(folder, f"{name} is not the file that was exported")
    return ModelSpec.load(folder / EXTRA)


def damaged(folder: Path, reason: str) -> UserError:
    """The error for an export that is not whole."""
    return UserError(f"{folder}: not a whole export: {reason}; copy or export it again.")


def _checksums(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{_sha256(path)}  {path.relative_to(folder)}\n" for path in files)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush_to_disk(folder: Path) -> None:
    """Waits until files and folders lie on the disk, so that a power cut cannot empty them."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
