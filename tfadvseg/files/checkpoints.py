"""Checkpoints that are complete or absent, and restoring the newest complete one."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from absl import logging

from tfadvseg.errors import AFTER_DIVERGENCE, UserError
from tfadvseg.files.atomic import UNFINISHED
from tfadvseg.files.disk_errors import disk_reason
from tfadvseg.files.plain_paths import plain_path


def checkpoint_paths(folder: str | Path, prefix: str = "ckpt") -> list[str]:
    """Paths of the checkpoints `folder`/`prefix`-<update>, without suffix, newest first."""
    pattern = re.compile(rf"{re.escape(prefix)}-(\d+)\.index")
    found = [
        (int(match[1]), str(path.with_suffix("")))
        for path in Path(folder).glob(f"{prefix}-*.index")
        if (match := pattern.fullmatch(path.name))
    ]
    return [path for _, path in sorted(found, reverse=True)]


def save_checkpoint(
    checkpoint: tf.train.Checkpoint,
    folder: str | Path,
    update: int,
    keep: int,
    prefix: str = "ckpt",
) -> str:
    """Writes `folder`/`prefix`-<update> and removes all but the newest `keep`.

    The files are first written and flushed under another name; the index, without which the other
    files are ignored, is renamed last. A kill or a full disk leaves older checkpoints untouched.

    Raises:
        UserError: the checkpoint could not be written.
    """
    folder = Path(folder)
    path = folder / f"{prefix}-{update}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}{UNFINISHED}", dir=folder))
    except OSError as error:
        raise UserError(f"{folder}: cannot write checkpoints there ({error.strerror}).") from None
    try:
        with plain_path(temporary) as plain:
            checkpoint.write(f"{plain}/{path.name}")
        # "data" before "index"
        for file in sorted(temporary.iterdir()):
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
            file.replace(folder / file.name)
    except (OSError, tf.errors.OpError) as error:
        reason = disk_reason(error)
        raise UserError(
            f"{path}: cannot write the checkpoint ({reason}). Older ones are intact; make room "
            "and run the same command again."
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in checkpoint_paths(folder, prefix)[keep:]:
        remove_checkpoint(old)
    return str(path)


def remove_checkpoint(path: str) -> None:
    """Removes a checkpoint's files, the index first, so that no partial one looks complete."""
    Path(f"{path}.index").unlink(missing_ok=True)
    for file in Path(path).parent.glob(f"{Path(path).name}.data-*"):
        file.unlink()


def restore_newest(
    checkpoint: tf.train.Checkpoint, folder: str | Path, prefix: str = "ckpt"
) -> str | None:
    """Restores the newest complete checkpoint; logs a warning if a newer one is damaged.

    Every object must be found in it and every value in it must be used.

    Returns:
        Its path, or None if the folder has no checkpoint.

    Raises:
        UserError: there are checkpoints but none is complete.
    """
    paths = checkpoint_paths(folder, prefix)
    if not paths:
        return None

    def restore(path: str) -> None:
        with plain_path(path) as plain:
            checkpoint.read(plain).assert_consumed()

    return first_whole(paths, restore)


def first_whole(paths: list[str], restore: Callable[[str], object]) -> str:
    """Calls `restore` on one path after another until one call succeeds.

    Returns:
        The path that succeeded; each failure is logged.

    Raises:
        UserError: none succeeded, or one is complete and does not fit.
    """
    for path in paths:
        try:
            restore(path)
            return path
        except _DAMAGE as error:
            if _is_complete(path):
                raise UserError(
                    f"{path}: complete, but of another network than this run describes; were its "
                    "run.flags or model.json edited? Undo that, or train in another --output_dir."
                ) from None
            reason = (str(error) or type(error).__name__).splitlines()[0]
            logging.warning(
                "Checkpoint %s is damaged (%s); trying the one before it.", path, reason
            )
    raise UserError(
        f"{Path(paths[0]).parent}: none of its {len(paths)} checkpoints is complete and fits the "
        f"network ({reason}). Train in another --output_dir, or remove them to start over."
    )


def _is_complete(path: str) -> bool:
    """Whether every value of a checkpoint can be read and agrees with its checksum."""
    try:
        with plain_path(path) as plain:
            read_all_values(plain)
    except _DAMAGE:
        return False
    return True


def read_all_values(path: str) -> None:
    """Reads every value of a checkpoint, which compares it with the checksum stored beside it.

    Raises:
        tf.errors.OpError, ValueError, ...: one of `_DAMAGE`: it is damaged.
    """
    reader = tf.train.load_checkpoint(path)
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)


# The exception that TensorFlow raises depends on which byte of which file is wrong.
_DAMAGE = (tf.errors.OpError, AssertionError, LookupError, RuntimeError, ValueError)


def check_finite_weights(models: dict[str, tf.keras.Model], update: int) -> None:
    """Raises UserError if a weight is NaN or infinite, because such a state must not be saved."""
    for name, model in models.items():
        for weight in model.weights:
            if not bool(tf.reduce_all(tf.math.is_finite(tf.cast(weight, tf.float32)))):
                raise UserError(
                    f"update {update}: {name}'s weight {weight.name} is not finite; training "
                    f"stopped. {AFTER_DIVERGENCE}"
                )
