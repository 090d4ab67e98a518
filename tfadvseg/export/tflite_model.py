"""TFLite models, for LiteRT on phones and small devices: one file, `model.tflite`.

Its one signature, `serving_default`, takes `image`, uint8 [N,H,W,C] of any size (resize the input
before allocating tensors), to `probabilities`, float32 [N,H,W,num_classes], and `label`, uint8
[N,H,W]. It uses TFLite's built-in operations alone. Format and quantization:
https://ai.google.dev/edge/litert/models/post_training_quantization.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadvseg.compat.quiet_stderr import quiet_stderr
from tfadvseg.errors import UserError
from tfadvseg.export.choices import Quantization
from tfadvseg.export.predictor import Predictor
from tfadvseg.export.saved_model import in_float32
from tfadvseg.export.serving_module import SERVING_DEFAULT, build_serving_module
from tfadvseg.export.version_folder import check_version, damaged, write_version
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.ops.resampling import RESAMPLING

TFLITE_FILE = "model.tflite"


def export_tflite(
    segmenter: tf.keras.Model,
    spec: ModelSpec,
    base_dir: str | Path,
    quantization: Quantization = "none",
    representative: Iterable[np.ndarray] = (),
    version: int | None = None,
) -> Path:
    """Writes `base_dir`/<version>/model.tflite; see `write_version`.

    Args:
        segmenter, spec, base_dir, version: as for `export_saved_model`.
        quantization: `float16` halves the file, and computes in float32 on CPUs; `int8` also
            computes in integers of 8 bits wherever TFLite can.
        representative: for `int8`: images, uint8 [H,W,C], whose activations set the ranges.

    Raises:
        UserError: as `write_version`, or `int8` without images.
    """
    images = list(representative)
    if quantization == "int8" and not images:
        raise UserError("--quantization=int8: needs representative images.")

    def write_model(folder: Path) -> None:
        module = build_serving_module(in_float32(segmenter, spec), spec)
        with quiet_stderr():
            content = _converted(module, quantization, images)
        (folder / TFLITE_FILE).write_bytes(content)

    return write_version(base_dir, version, spec, write_model)


def _converted(
    module: tf.Module, quantization: Quantization, images: Sequence[np.ndarray]
) -> bytes:
    def converter() -> tf.lite.TFLiteConverter:
        function = module.serving_default.get_concrete_function()
        return tf.lite.TFLiteConverter.from_concrete_functions([function], module)

    def samples() -> Iterator[list[np.ndarray]]:
        for image in images:
            yield [image[np.newaxis]]

    final = converter()
    if quantization == "none":
        return final.convert()
    final.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        final.target_spec.supported_types = [tf.float16]
        return final.convert()
    final.representative_dataset = samples
    tensors = tf.lite.Interpreter(model_content=converter().convert()).get_tensor_details()
    exact = [tensor["name"] for tensor in tensors if tensor["name"].startswith(RESAMPLING)]
    if not exact:
        return final.convert()
    # 8 bits hold neither an image's size nor the sums that resize it.
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=exact)
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=final, debug_dataset=samples, debug_options=options
    )
    return debugger.get_nondebug_quantized_model()


def load_tflite(folder: Path) -> Predictor:
    """Loads a version's folder for TensorFlow's own TFLite interpreter. It takes uint8 images only.

    Raises:
        UserError: it is damaged.
    """
    spec = check_version(folder)
    try:
        interpreter = tf.lite.Interpreter(str(folder / TFLITE_FILE))
        runner = interpreter.get_signature_runner(SERVING_DEFAULT)
    except (ValueError, RuntimeError) as error:
        raise damaged(folder, str(error).splitlines()[0]) from error

    def graph(image: tf.Tensor) -> tf.Tensor:
        if image.dtype != tf.uint8:
            raise ValueError("images: a TFLite export takes uint8 alone.")
        return tf.constant(runner(image=image.numpy())["probabilities"])

    return Predictor(spec=spec, source=str(folder), graph=graph)
