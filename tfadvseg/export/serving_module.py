"""The graph of an export: raw images in, probabilities and labels out, nothing left to the caller.

Normalisation is part of it, resizing where the model was trained on resized images, and averaging
over scales where the model is to do so; padding and cropping segmenters do inside.
"""

import tensorflow as tf

from tfadvseg.data.pipeline import Normalisation
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.multi_level import MultiLevelSegmenter
from tfadvseg.models.ops.frozen_batch_norm import TARGET
from tfadvseg.models.ops.resampling import RESAMPLING, resize_aligned, resize_bicubic
from tfadvseg.models.outputs import class_probabilities, predicted_label

SERVING_DEFAULT = "serving_default"
SERVING_FLOAT = "serving_float"
ENCODED = "encoded"

# Luma of Recommendation ITU-R BT.601, with which Pillow, too, turns colour into grey.
_LUMA = (0.299, 0.587, 0.114)


def build_serving_module(segmenter: tf.keras.Model, spec: ModelSpec) -> tf.Module:
    """Wraps S with all that lies between a raw image and its prediction.

    The module's functions, which become the signatures of an export, are

    - `serving_default(image)`: uint8 [N,H,W,C] to `probabilities`, float32 [N,H,W,num_classes] in
      [0,1] that sum to 1, and `label`, the most probable class id, uint8 [N,H,W];
    - `serving_float(image)`: the same for float32 images on the same scale of 0 to 255;
    - `encoded(image_bytes)`: PNG or JPEG files, string [N], of any sizes, grey or colour, to
      `label_bytes`, string [N]: PNG files of one 8-bit channel whose values are class ids.
      Colour becomes grey, or grey colour, as the model needs; transparency is dropped.

    The module holds the segmenter's variables and not the Keras model, so that a SavedModel of it
    is the graph of these functions and nothing else.
    """
    channels = spec.image_channels
    normalise = Normalisation(spec.mean, spec.std, spec.channel_order)

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
        return tf.image.resize(segmenter(image, training=False), size)

    def predict(image: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = [logits_of(image, scale) for scale in spec.test_scales]
        if len(logits) == 1:
            probabilities, label = class_probabilities(logits[0]), predicted_label(logits[0])
        else:
            probabilities = tf.add_n([class_probabilities(each) for each in logits]) / len(logits)
            label = tf.argmax(probabilities, axis=-1)
        return {"probabilities": probabilities, "label": tf.cast(label, tf.uint8)}

    def serving_default(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(tf.cast(image, tf.float32))

    def predict_encoded(image_bytes: tf.Tensor) -> tf.Tensor:
        image = decode_image(image_bytes, channels)
        label = predict(tf.cast(image[tf.newaxis], tf.float32))["label"]
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
    module.serving_default = tf.function(
        serving_default, input_signature=[tf.TensorSpec(image_shape, tf.uint8, name="image")]
    )
    module.serving_float = tf.function(
        predict, input_signature=[tf.TensorSpec(image_shape, tf.float32, name="image")]
    )
    module.encoded = tf.function(
        encoded, input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")]
    )
    return module


def signatures(module: tf.Module) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """The functions of `build_serving_module` by the names under which they are served."""
    return {
        SERVING_DEFAULT: module.serving_default.get_concrete_function(),
        SERVING_FLOAT: module.serving_float.get_concrete_function(),
        ENCODED: module.encoded.get_concrete_function(),
    }


def decode_image(image_bytes: tf.Tensor, channels: int) -> tf.Tensor:
    """Decodes a PNG or JPEG file, string [], to uint8 [H,W,channels] with 1 or 3 channels."""
    rgb = tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    rgb.set_shape([None, None, 3])
    if channels == 3:
        return rgb
    # Rounded, because the weights' sum is 1 only to within float32: greys stay what they are.
    luma = tf.tensordot(tf.cast(rgb, tf.float32), tf.constant(_LUMA), axes=1)
    return tf.cast(tf.round(luma), tf.uint8)[..., tf.newaxis]
