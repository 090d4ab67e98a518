"""TensorBoard logs without duplicate or missing rows, even after a run was killed."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from tfadvseg.errors import UserError
from tfadvseg.files.disk_errors import disk_reason

MOST_VALUES = 2**18
"""Values per weight in its histogram, because TensorFlow takes 240 bytes per value."""

_SUFFIX = ".from-{update}"


class TensorBoardLog:
    """Event files, one per stretch between two checkpoints.

    The file of a stretch is complete before the checkpoint that ends it is written. A run that
    resumes from a checkpoint removes the files of all later stretches, because it repeats them. The
    methods raise UserError if a file cannot be written, for instance on a full disk.
    """

    def __init__(self, folder: str | Path, update: int) -> None:
        """Removes logs after `update` and starts a file there."""
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.glob("events.out.tfevents.*"):
            match = re.search(_SUFFIX.format(update=r"(\d+)$"), path.name)
            if match and int(match[1]) >= update:
                path.unlink()
        self._open(update)

    def _open(self, update: int) -> None:
        with self._writing():
            self._writer = tf.summary.create_file_writer(
                str(self._folder), filename_suffix=_SUFFIX.format(update=update)
            )

    def hyperparameters(self, values: Mapping[str, str | float | bool]) -> None:
        """Logs what the run was configured with, for TensorBoard's HPARAMS tab."""
        with self._writing(), self._writer.as_default(step=0):
            hparams.hparams(values, trial_id=str(self._folder.parent))

    def scalars(self, values: dict[str, float], update: int) -> None:
        """Logs each value under its name."""
        with self._writing(), self._writer.as_default(step=update):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def weights(self, models: dict[str, tf.keras.Model], update: int) -> None:
        """Logs a histogram of each weight, including biases, where a collapse of D shows first.

        For large weights it uses `MOST_VALUES` or fewer of their values, evenly spaced.
        """
        with self._writing(), self._writer.as_default(step=update):
            for name, model in models.items():
                for weight in model.trainable_variables:
                    values = tf.reshape(tf.cast(weight, tf.float32), [-1])
                    values = values[:: -(-values.shape[0] // MOST_VALUES)]
                    tf.summary.histogram(f"{name}/{weight.name}", values)

    def finish_stretch(self) -> None:
        """Completes the current file; must be called before a checkpoint is written."""
        with self._writing():
            self._writer.close()

    def start_stretch(self, update: int) -> None:
        """Starts a file; must be called after the checkpoint of `update` is written."""
        self._open(update)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.OpError as error:
            raise UserError(
                f"{self._folder}: cannot write there ({disk_reason(error)}); the checkpoints "
                "so far are intact. Free some space; the same command then continues."
            ) from None
