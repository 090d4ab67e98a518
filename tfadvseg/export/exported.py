"""Exports of every format, loaded for prediction from Python."""

from pathlib import Path

from tfadvseg.export.onnx_model import ONNX_FILE, load_onnx
from tfadvseg.export.predictor import Predictor
from tfadvseg.export.saved_model import load_saved_model
from tfadvseg.export.tflite_model import TFLITE_FILE, load_tflite
from tfadvseg.export.version_folder import find_version


def load_exported(path: str | Path) -> Predictor:
    """Loads an export: a version's folder, or the base folder, whose newest version is taken.

    Raises:
        UserError: there is none, it is damaged or incomplete, or its runtime is not installed.
    """
    folder = find_version(path)
    if (folder / ONNX_FILE).exists():
        return load_onnx(folder)
    if (folder / TFLITE_FILE).exists():
        return load_tflite(folder)
    return load_saved_model(folder)
