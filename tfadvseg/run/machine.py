"""Setup of the process that trains, and the lock on a run's folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import tensorflow as tf
from absl import logging

from tfadvseg.config import Config
from tfadvseg.errors import UserError
from tfadvseg.files import atomic
from tfadvseg.training.distribution import check_batch_size, choose_precision, choose_strategy


def prepare_machine(config: Config) -> tf.distribute.Strategy:
    """Sets precision, seeds and determinism for this process.

    Raises:
        UserError: the replicas cannot share a batch, or XLA does not fit.
    """
    if config.run.deterministic:
        tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(config.run.seed)
    tf.keras.mixed_precision.set_global_policy(choose_precision(config.run.precision))
    strategy = choose_strategy(config.run.strategy)
    check_batch_size(config.run.global_batch_size, strategy)
    check_batch_size(
        config.few_labels.unlabelled_batch_size, strategy, flag="unlabelled_batch_size"
    )
    if config.run.xla and strategy.num_replicas_in_sync > 1:
        raise UserError(
            "--xla: works with one replica only; leave it out, or give --strategy=default."
        )
    return strategy


@contextmanager
def only_trainer(output: Path) -> Iterator[None]:
    """Locks a run's folder; the folder is made if missing, and removed at the end if empty.

    Raises:
        UserError: the folder cannot be written to, or another process trains there.
    """
    if place := atomic.unwritable_place(output):
        raise UserError(f"--output_dir={output}: cannot write to {place}.")
    absent = [folder for folder in (output, *output.parents) if not folder.exists()]
    output.mkdir(parents=True, exist_ok=True)
    handle = os.open(output, os.O_RDONLY)
    try:
        _lock(handle, output)
        yield
    finally:
        with suppress(OSError):  # not empty
            for folder in absent:
                folder.rmdir()
        os.close(handle)


def _lock(handle: int, output: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"--output_dir={output}: another process trains there. Wait until it ends, or give "
            "another --output_dir."
        ) from None
    except OSError as error:  # some network file systems
        logging.warning(
            "%s: cannot be locked (%s); do not train there in two processes at once.", output, error
        )
