"""The graph of an export: raw images in, probabilities and labels out, nothing left to the caller.

Normalisation is part of it, resizing where the model was trained on resized images, and averaging
over scales where the model is to do so; padding and cropping segmenters do inside.
"""

from collections.abc import Callable

import tensorflow as tf

from tfadvseg.data.normalisation import normalisation_of
from tfadvseg.data.pictures import PERCENTILES
from tfadvseg.export.encoded_images import can_be_encoded, decode_image
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.multi_level import MultiLevelSegmenter
from tfadvseg.models.ops.frozen_batch_norm import TARGET
from tfadvseg.models.ops.resampling import (
    RESAMPLING,
    resize_aligned,
    resize_bicubic,
    resize_bilinear,
)
from tfadvseg.models.outputs import class_probabilities, predicted_label

SERVING_DEFAULT = "serving_default"
SERVING_FLOAT = "serving_float"
SERVING_SCALED = "serving_scaled"
ENCODED = "encoded"


def build_serving_module(segmenter: tf.keras.Model, spec: ModelSpec) -> tf.Module:
    """Wraps S with all that lies between a raw image and its prediction.

    The module's functions, which become the signatures of an export, are

    - `serving_default(image)`: [N,H,W,C] of `spec.image_dtype` to `probabilities`, float32
      [N,H,W,num_classes] in [0,1] that sum to 1, and `label`, the most probable class id, uint8
      [N,H,W];
    - `serving_float(image)`: the same for float32 images on the same scale;
    - `serving_scaled(image)`, of models that scale each image by its percentiles: the same for
      float32 images that are scaled already, such as parts of a larger one;
    - `encoded(image_bytes)`, of images that PNG files hold: PNG or JPEG files of the model's depth
      and channels (`encoded_images.decode_image`), string [N], of any sizes, to `label_bytes`,
      string [N]: PNG files of one 8-bit channel whose values are class ids.

    The module holds the segmenter's variables and not the Keras model, so that a SavedModel of it
    is the graph of these functions and nothing else.
    """
    channels = spec.image_channels
    normalise = normalisation_of(spec)

    def logits_of(image: tf.Tensor, scale: float) -> tf.Tensor:
        if not spec.resize and scale == 1:
            return segmenter(normalise(image), training=False)
        size = tf.shape(image)[1:3]
        with tf.name_scope(RESAMPLING):
            scaled = tf.round(scale * tf.cast(spec.resize or size, tf.float32))
            seen = tf.maximum(tf.cast(scaled, tf.int32), 1)
        image = normalise(resize_bicubic(image, seen))
        if isinstance(segmenter, MultiLevelSegmenter):
            # In one step from the network's own resolution, as the published evaluation does.
            levels = segmenter.level_logits(image, training=False, domain=TARGET)
            return resize_aligned(levels[-1], size)
        return resize_bilinear(segmenter(image, training=False), size)

    def predict(image: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = [logits_of(image, scale) for scale in spec.test_scales]
        if len(logits) == 1:
            probabilities, label = class_probabilities(logits[0]), predicted_label(logits[0])
        else:
            probabilities = tf.add_n([class_probabilities(each) for each in logits]) / len(logits)
            label = tf.argmax(probabilities, axis=-1)
        return {"probabilities": probabilities, "label": tf.cast(label, tf.uint8)}

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        image = tf.cast(image, tf.float32)
        return predict(scaled_by_percentiles(image) if normalise.percentile else image)

    def predict_encoded(image_bytes: tf.Tensor) -> tf.Tensor:
        image = decode_image(image_bytes, channels, spec.image_dtype, spec.max_pixels)
        label = serve(image[tf.newaxis])["label"]
        return tf.io.encode_png(label[0, :, :, tf.newaxis])

    def encoded(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        # One image at a time, as their sizes may differ.
        labels = tf.map_fn(
            predict_encoded,
            image_bytes,
            fn_output_signature=tf.TensorSpec([], tf.string),
            parallel_iterations=1,
        )
        return {"label_bytes": labels}

    image_shape = [None, None, None, channels]
    module = tf.Module(name="serving")
    module.segmenter_variables = list(segmenter.variables)

    def served(function: Callable, shape: list, dtype: object, name: str) -> Callable:
        signature = [tf.TensorSpec(shape, dtype, name=name)]
        return tf.function(function, input_signature=signature, autograph=False)

    module.serving_default = served(serve, image_shape, spec.image_dtype, "image")
    module.serving_float = served(serve, image_shape, tf.float32, "image")
    if normalise.percentile:
        module.serving_scaled = served(predict, image_shape, tf.float32, "image")
    if can_be_encoded(channels, spec.image_dtype):
        module.encoded = served(encoded, [None], tf.string, "image_bytes")
    return module


def signatures(module: tf.Module) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """The functions of `build_serving_module` by the names under which they are served."""
    names = (SERVING_DEFAULT, SERVING_FLOAT, SERVING_SCALED, ENCODED)
    return {
        name: getattr(module, name).get_concrete_function()
        for name in names
        if hasattr(module, name)
    }


def signature_for(image: tf.Tensor, spec: ModelSpec) -> str:
    """The signature that takes images as a `Predictor`'s graph does."""
    if spec.normalise == "percentile":
        return SERVING_SCALED
    return SERVING_DEFAULT if image.dtype == tf.as_dtype(spec.image_dtype) else SERVING_FLOAT


def scaled_by_percentiles(images: tf.Tensor) -> tf.Tensor:
    """`data.pictures.percentile_scaled` of each image, float32 [N,H,W,C], within a graph."""
    shape = tf.shape(images)
    values = tf.sort(tf.reshape(images, [shape[0], -1, images.shape[-1]]), axis=1)
    last = tf.cast(tf.shape(values)[1] - 1, tf.float32)

    def percentile(percent: float) -> tf.Tensor:
        place = last * (percent / 100)
        below = tf.cast(tf.floor(place), tf.int32)
        share = place - tf.floor(place)
        above = tf.minimum(below + 1, tf.shape(values)[1] - 1)
        low, high = values[:, below], values[:, above]
        return (low + share * (high - low))[:, tf.newaxis, tf.newaxis]

    low, high = map(percentile, PERCENTILES)
    return (images - low) * (255.0 / tf.where(high > low, high - low, 1.0))
