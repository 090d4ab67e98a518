"""Weights that an encoder starts from, out of a local file."""

import warnings
from pathlib import Path

import tensorflow as tf

from tfadvseg.errors import UserError


def load_backbone_weights(backbone: tf.keras.Model, path: str) -> None:
    """Assigns every weight of `backbone` from a file that Keras's `save_weights` wrote.

    Networks trained elsewhere expect images on another scale than ours, whose channels have mean
    0 and deviation 1; their first layers adapt in training.

    Args:
        backbone: a network that has the file's layers, in the same order.
        path: an HDF5 file, `.h5` or `.weights.h5`.

    Raises:
        UserError: there is no such file, or its weights are another network's.
    """
    flag = f"--backbone_weights={path}"
    if not Path(path).is_file():
        raise UserError(f"{flag}: no such file.")
    if Path(path).suffix != ".h5":
        raise UserError(f"{flag}: give weights that Keras saved as HDF5, a file named *.h5.")
    try:
        with warnings.catch_warnings():
            # KerasCV's look through its own attributes, some of which Keras deprecates.
            warnings.simplefilter("ignore", UserWarning)
            backbone.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{flag}: not weights of this {backbone.name} for images of "
            f"{backbone.input_shape[-1]} channels ({reason})."
        ) from error
