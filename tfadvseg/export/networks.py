"""Builds the network that a model description names, ours or the user's own."""

from collections.abc import Callable

import tensorflow as tf

from tfadvseg.errors import UserError
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.outputs import output_channels
from tfadvseg.models.own import build_own_segmenter, name_of, same_function
from tfadvseg.models.segmenters import build_segmenter

OwnSegmenter = Callable[[int, int], tf.keras.Model]
"""(channels of an image, logits per pixel) to a Keras model; see `models.own`."""


def rebuild_segmenter(spec: ModelSpec, own: OwnSegmenter | None = None) -> tf.keras.Model:
    """Builds S with new weights, in the current precision policy.

    Args:
        spec: of the model.
        own: builds S where the model's segmenter is one of the user's own.

    Raises:
        UserError: the model needs such a function and got none or another, or does not need it.
    """
    needed = spec.own_parts.get("segmenter")
    given = None if own is None else name_of(own)
    if needed is None and given is not None:
        raise UserError(
            f"segmenter={given}: this model's segmenter is {spec.segmenter.segmenter}; leave the "
            "function out."
        )
    if needed is None:
        return build_segmenter(spec.segmenter, spec.num_classes, spec.image_channels)
    if own is None:
        raise UserError(
            f"this model's segmenter is your own, {needed}; load it from Python with "
            f"tfadvseg.load_predictor(..., segmenter={needed.rpartition('.')[2]}), or use its "
            "export, which needs no function."
        )
    assert given is not None
    if not same_function(given, needed):
        raise UserError(f"segmenter={given}: this model was trained with {needed}; give that one.")
    return build_own_segmenter(own, spec.image_channels, output_channels(spec.num_classes))
