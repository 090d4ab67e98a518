"""Warm-up requests: TensorFlow Serving replays them before it lets clients in.

The first requests to a graph are slow, as TensorFlow optimises it then. Format and place:
https://www.tensorflow.org/tfx/serving/saved_model_warmup.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadvseg.export.encoded_images import can_be_encoded
from tfadvseg.export.serving_module import (
    ENCODED,
    SERVING_DEFAULT,
    SERVING_FLOAT,
    SERVING_SCALED,
)
from tfadvseg.files.model_spec import ModelSpec

FILE_NAME = "tf_serving_warmup_requests"


def write_warmup_requests(path: str | Path, spec: ModelSpec) -> None:
    """Writes one request a signature, images of `spec.crop_size`, as PredictionLog records."""
    # Here, because only the writing of an export needs the package.
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, (name, tensor) in warmup_inputs(spec).items():
            request = predict_pb2.PredictRequest(
                model_spec=model_pb2.ModelSpec(name="tfadvseg", signature_name=signature),
                inputs={name: tf.make_tensor_proto(tensor)},
            )
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())


def warmup_inputs(spec: ModelSpec) -> dict[str, tuple[str, tf.Tensor]]:
    """By signature: the input's name and one image of noise, [1,height,width,C] or one PNG."""
    shape = (*spec.crop_size, spec.image_channels)
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(spec.image_dtype)
    inputs = {
        SERVING_DEFAULT: ("image", tf.constant(noise[np.newaxis])),
        SERVING_FLOAT: ("image", tf.constant(noise[np.newaxis], tf.float32)),
    }
    if spec.normalise == "percentile":
        inputs[SERVING_SCALED] = inputs[SERVING_FLOAT]
    if can_be_encoded(spec.image_channels, spec.image_dtype):
        inputs[ENCODED] = ("image_bytes", tf.io.encode_png(noise)[tf.newaxis])
    return inputs
