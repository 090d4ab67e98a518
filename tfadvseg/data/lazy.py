"""Examples on disk within a tf.data pipeline, read when they are needed."""

import contextlib
import re
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples
from tfadvseg.errors import UserError

PairReader = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Maps an example's index, int64, to its image [H,W,C] and label [H,W] uint8."""


def load_pair(examples: Examples, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Image [H,W,C] and label uint8 [H,W], all `IGNORE_LABEL` if there are no labels.

    Raises:
        UserError: a file cannot be read.
    """
    image = examples.images[index]
    if examples.labels is None:
        return image, np.full(image.shape[:2], IGNORE_LABEL, np.uint8)
    return image, examples.labels[index]


def pair_reader(
    examples: Examples,
    channels: int,
    dtype: tf.DType = tf.uint8,
    prepare: Callable[[np.ndarray], np.ndarray] = lambda image: image,
) -> PairReader:
    """`load_pair` for use within a graph, several at a time in the threads of `Dataset.map`.

    Args:
        examples: on disk.
        channels, dtype: of every image once it is prepared.
        prepare: what is made of each image.
    """

    def load(index: int) -> tuple[np.ndarray, np.ndarray]:
        image, label = load_pair(examples, index)
        return prepare(image), label

    def read(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Stateless: a stateful function would be called for one example after another where
        # operations are deterministic.
        image, label = tf.numpy_function(load, [index], (dtype, tf.uint8), stateful=False)
        image = tf.ensure_shape(image, [None, None, channels])
        return image, tf.ensure_shape(label, [None, None])

    return read


@contextlib.contextmanager
def raise_user_errors() -> Iterator[None]:
    """Re-raises an unreadable file in the pipeline as `UserError`."""
    try:
        yield
    except tf.errors.UnknownError as error:
        said = re.search(r"UserError: ([^\n]*)", error.message)
        if said is None:
            raise
        raise UserError(said[1]) from None
