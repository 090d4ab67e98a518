"""Initial weights of an encoder from a local file."""

import warnings
from pathlib import Path

import tensorflow as tf

from tfadvseg.errors import UserError


def load_backbone_weights(backbone: tf.keras.Model, path: str) -> None:
    """Assigns every weight of `backbone` from a file written by Keras's `save_weights`.

    Networks trained elsewhere expect images on another scale than ours, whose channels have mean
    0 and deviation 1; their first layers adapt during training.

    Args:
        backbone: a network with the layers of the file, in the same order.
        path: an HDF5 file, `.h5` or `.weights.h5`.

    Raises:
        UserError: there is no such file, or it contains the weights of another network.
    """
    flag = f"--backbone_weights={path}"
    if not Path(path).is_file():
        raise UserError(f"{flag}: no such file.")
    if Path(path).suffix != ".h5":
        raise UserError(f"{flag}: not an HDF5 file; give weights saved by Keras as *.h5.")
    try:
        with warnings.catch_warnings():
            # KerasCV's own loading looks through its attributes, some of which Keras deprecates.
            warnings.simplefilter("ignore", UserWarning)
            backbone.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{flag}: not weights of this {backbone.name} for images of "
            f"{backbone.input_shape[-1]} channels ({reason})."
        ) from error
