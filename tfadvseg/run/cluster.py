"""A run of several workers: their folders, checks that they agree, and the loss of a worker."""

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

PLACES = ("data_dir", "target_data_dir", "unlabelled_data_dir", "masks_dir", "prepared_dir")
"""Flags whose folders may differ between machines, if they contain the same files."""


@contextmanager
def own_folder(output: Path, workers: Workers) -> Iterator[Path]:
    """The folder in which this process writes: for the chief the run's folder, which is locked.

    Other workers get a temporary folder, because TensorFlow requires every worker to write
    checkpoints; only the chief's are kept.

    Raises:
        UserError: as for `machine.only_trainer`.
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
        UserError: a worker differs; raised on every worker, and names it.
    """
    versions = {name: version(name) for name in ("tfadvseg", "tensorflow")}
    workers.check_same(versions, "versions")
    flags = {f"--{name}": str(value) for name, value in flag_values(config).items()}
    for name in PLACES:
        flags.pop(f"--{name}", None)
    workers.check_same(flags, "flags")


@contextmanager
def lost_workers(workers: Workers) -> Iterator[None]:
    """Re-raises the loss of a worker as a stop, after which the same command continues the run.

    Raises:
        Stopped: a worker is no longer reachable; saved checkpoints are intact.
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
