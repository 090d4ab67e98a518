"""ONNX models, for ONNX Runtime, OpenVINO and others: one file, `model.onnx`.

Its input is `image`, uint8 [N,H,W,C] of any size; its outputs are `probabilities`, float32
[N,H,W,num_classes], and `label`, uint8 [N,H,W]. Needs the extra `onnx`.
"""

import logging
from pathlib import Path

import tensorflow as tf

from tfadvseg.compat.quiet_stderr import quiet_stderr
from tfadvseg.errors import UserError
from tfadvseg.export.predictor import Predictor
from tfadvseg.export.saved_model import in_float32
from tfadvseg.export.serving_module import build_serving_module
from tfadvseg.export.version_folder import check_version, damaged, write_version
from tfadvseg.files.model_spec import ModelSpec

ONNX_FILE = "model.onnx"

OPSET = 17
"""Known to ONNX Runtime since 1.12 and to OpenVINO since 2022.3."""

_MISSING = (
    "--format=onnx: needs the extra onnx; install it with "
    "`pip install -c constraints.txt '.[onnx]'` in a checkout."
)


def export_onnx(
    segmenter: tf.keras.Model, spec: ModelSpec, base_dir: str | Path, version: int | None = None
) -> Path:
    """Writes `base_dir`/<version>/model.onnx, in float32; see `write_version`.

    Raises:
        UserError: as `write_version`, or the extra is not installed.
    """
    check_onnx_installed()
    import tf2onnx

    def write_model(folder: Path) -> None:
        module = build_serving_module(in_float32(segmenter, spec), spec)
        function = module.serving_default
        level = logging.getLogger("tf2onnx").level
        with quiet_stderr():
            logging.getLogger("tf2onnx").setLevel(logging.ERROR)
            try:
                tf2onnx.convert.from_function(
                    function,
                    input_signature=function.input_signature,
                    opset=OPSET,
                    output_path=str(folder / ONNX_FILE),
                )
            finally:
                logging.getLogger("tf2onnx").setLevel(level)

    return write_version(base_dir, version, spec, write_model)


def check_onnx_installed() -> None:
    """Refuses where the converter is missing.

    Raises:
        UserError: it is.
    """
    try:
        import onnx  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError:
        raise UserError(_MISSING) from None


def load_onnx(folder: Path) -> Predictor:
    """Loads a version's folder for ONNX Runtime on the CPU. It takes uint8 images only.

    Raises:
        UserError: it is damaged, or ONNX Runtime is not installed.
    """
    spec = check_version(folder)
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            f"{folder}: needs ONNX Runtime; install it with `pip install -c constraints.txt "
            "'.[onnx]'` in a checkout."
        ) from None
    try:
        session = onnxruntime.InferenceSession(
            folder / ONNX_FILE, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's exceptions have no common class of their own
        raise damaged(folder, str(error).splitlines()[0]) from error

    def graph(image: tf.Tensor) -> tf.Tensor:
        if image.dtype != tf.uint8:
            raise ValueError("images: an ONNX export takes uint8 alone.")
        (probabilities,) = session.run(["probabilities"], {"image": image.numpy()})
        return tf.constant(probabilities)

    return Predictor(spec=spec, source=str(folder), graph=graph)
