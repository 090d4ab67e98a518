"""Predicts all cases with one runtime, in an environment that needs to hold nothing but that.

    python run_runtime.py RUNTIME FOLDER RESULT.json

FOLDER holds the cases of `cases.make_case`. The result says of each case the largest difference of
a probability from the expected one, and how many labels differ where the two best classes are
further apart than `MARGIN`; or the error.
"""

import json
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np

Predict = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Images, uint8 [N,H,W,C], to probabilities and labels."""

MARGIN = 2e-5
"""Classes whose probabilities are nearer to each other may change places by rounding."""


def tensorflow(case: Path) -> Predict:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(case / "saved_model" / "1"))

    def predict(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        output = loaded.signatures["serving_default"](image=tf.constant(images))
        return output["probabilities"].numpy(), output["label"].numpy()

    return predict


def c_api(case: Path) -> Predict:
    from c_api import Session

    names = json.loads((case / "saved_model_names.json").read_text())
    session = Session(case / "saved_model" / "1")

    def predict(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities, label = session.run(
            names["image"], images, [names["probabilities"], names["label"]]
        )
        return probabilities, label

    return predict


def onnxruntime(case: Path) -> Predict:
    import onnxruntime as ort

    session = ort.InferenceSession(
        case / "onnx" / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    return lambda images: tuple(session.run(["probabilities", "label"], {"image": images}))


def openvino(case: Path) -> Predict:
    import openvino as ov

    # In float32 also where the processor multiplies bfloat16, which OpenVINO would prefer.
    compiled = ov.Core().compile_model(
        case / "onnx" / "1" / "model.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )

    def predict(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        output = compiled({"image": images})
        return output["probabilities"], output["label"]

    return predict


def tflite(case: Path) -> Predict:
    import tensorflow as tf

    return _signature_runner(tf.lite.Interpreter(str(case / "tflite" / "1" / "model.tflite")))


def litert(case: Path) -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    return _signature_runner(Interpreter(str(case / "tflite" / "1" / "model.tflite")))


def _signature_runner(interpreter) -> Predict:
    runner = interpreter.get_signature_runner("serving_default")

    def predict(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        output = runner(image=images)
        return output["probabilities"], output["label"]

    return predict


RUNTIMES = {
    "tensorflow": (tensorflow, "tensorflow"),
    "c_api": (c_api, "tensorflow"),
    "onnxruntime": (onnxruntime, "onnxruntime"),
    "openvino": (openvino, "openvino"),
    "tflite": (tflite, "tensorflow"),
    "litert": (litert, "ai-edge-litert"),
}
"""How each loads a case, and the distribution whose version says which runtime it was."""


def measure(load: Callable[[Path], Predict], case: Path) -> dict:
    predict = load(case)
    inputs = np.load(case / "inputs.npz")
    expected, labels = np.load(case / "probabilities.npz"), np.load(case / "label.npz")
    largest, wrong = 0.0, 0
    for key in inputs:
        probabilities, label = predict(inputs[key])
        if probabilities.shape != expected[key].shape or label.shape != labels[key].shape:
            raise ValueError(f"shapes {probabilities.shape} and {label.shape}")
        ordered = np.sort(expected[key], axis=-1)
        certain = ordered[..., -1] - ordered[..., -2] > MARGIN
        largest = max(largest, float(np.abs(probabilities - expected[key]).max()))
        wrong += int((label != labels[key])[certain].sum())
    return {"largest": largest, "wrong": wrong}


def main(runtime: str, folder: str, result: str) -> None:
    load, distribution = RUNTIMES[runtime]
    measured = {}
    for case in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
        try:
            measured[case.name] = measure(load, case)
        except Exception as error:
            text = " ".join(str(error).split())
            measured[case.name] = {"error": f"{type(error).__name__}: {text[:300]}"}
    version = metadata.version(distribution)
    Path(result).write_text(json.dumps({"version": version, "cases": measured}))


if __name__ == "__main__":
    main(*sys.argv[1:])
