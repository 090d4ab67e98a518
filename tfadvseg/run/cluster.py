"""A run of several workers: their folders, what they must share, and the loss of one."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import tensorflow as tf

from tfadvseg.config import Config
from tfadvseg.flags.flagfile import flag_values
from tfadvseg.run.machine import only_trainer
from tfadvseg.training.stopping import Stopped
from tfadvseg.training.workers import Workers

_PLACES = ("data_dir", "target_data_dir", "unlabelled_data_dir", "masks_dir", "prepared_dir")
"""Flags that may name other folders on other machines, as long as they hold the same files."""


@contextmanager
def own_folder(output: Path, workers: Workers) -> Iterator[Path]:
    """Where this process writes: the run's folder, locked, or one that is removed in the end.

    TensorFlow needs every worker to take part in writing a checkpoint; the chief's alone is kept.

    Raises:
        UserError: as `machine.only_trainer`.
    """
    if workers.is_chief:
        with only_trainer(output):
            yield output
        return
    with tempfile.TemporaryDirectory(prefix="tfadvseg-worker-") as folder:
        yield Path(folder)


def check_alike(workers: Workers, config: Config) -> None:
    """Refuses workers that were started with other flags or another version of the package.

    Raises:
        UserError: on every worker, naming those that differ.
    """
    versions = {name: version(name) for name in ("tfadvseg", "tensorflow")}
    workers.check_same(versions, "versions")
    flags = {f"--{name}": str(value) for name, value in flag_values(config).items()}
    for name in _PLACES:
        flags.pop(f"--{name}", None)
    workers.check_same(flags, "flags")


@contextmanager
def lost_workers(workers: Workers) -> Iterator[None]:
    """Turns the loss of a worker into a stop that the same command continues.

    Raises:
        Stopped: a worker cannot be reached any more; what was saved is intact.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if workers.count == 1 or not isinstance(error, _LOSSES):
            raise
        named = re.search(r"/?(?:job:)?worker(?:/replica:\d+)?/task:(\d+)", str(error))
        who = workers.name(int(named[1])) if named else "a worker"
        raise Stopped(f"{who} was lost") from None


_LOSSES = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)
