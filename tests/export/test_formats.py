"""ONNX and TFLite exports predict what the SavedModel predicts, as far as their numbers allow."""

import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
from export_testing import COLOUR_SPEC, GREY_SPEC, randomised_segmenter

from tfadvseg.data.examples import Examples
from tfadvseg.errors import UserError
from tfadvseg.export import onnx_model
from tfadvseg.export.exported import load_exported
from tfadvseg.export.onnx_model import export_onnx
from tfadvseg.export.run_model import predictor_of
from tfadvseg.export.tflite_model import export_tflite
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.run.export_formats import ConversionImages, convert_model

RESIZING_SPEC = dataclasses.replace(COLOUR_SPEC, resize=(24, 40), test_scales=(0.5, 1.0))


@pytest.fixture(
    scope="module",
    params=[GREY_SPEC, pytest.param(RESIZING_SPEC, marks=pytest.mark.slow)],
    ids=["grey", "resizing"],
)
def model(request) -> tuple[ModelSpec, tf.keras.Model]:
    return request.param, randomised_segmenter(request.param)


def picture(spec: ModelSpec, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Random blocks of 8 x 8 pixels, uint8 [height,width,C]."""
    shape = (height // 8 + 1, width // 8 + 1, spec.image_channels)
    blocks = np.random.default_rng(seed).integers(0, 256, shape)
    return np.kron(blocks, np.ones((8, 8, 1)))[:height, :width].astype(np.uint8)


def differences(model, folder) -> tuple[float, float]:
    """The largest difference of a probability, and the share of labels that differ."""
    spec, segmenter = model
    original, converted = predictor_of(segmenter, spec), load_exported(folder)
    assert converted.spec == spec
    largest, changed = 0.0, []
    for batch in (picture(spec, 37, 50)[np.newaxis], np.stack([picture(spec, 41, 34)] * 3)):
        expected = original.predict_probabilities(batch)
        got = converted.predict_probabilities(batch)
        assert got.dtype == np.float32
        largest = max(largest, np.abs(got - expected).max())
        changed.append((got.argmax(-1) != expected.argmax(-1)).mean())
    return largest, float(np.mean(changed))


def test_onnx(model, tmp_path):
    pytest.importorskip("tf2onnx", reason="needs the extra onnx")
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    spec, segmenter = model
    folder = export_onnx(segmenter, spec, tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["assets.extra", "model.onnx"]
    largest, changed = differences(model, folder)
    assert largest < 1e-5 and changed < 1e-3
    with pytest.raises(ValueError, match="uint8 alone"):
        load_exported(folder).predict_probabilities(np.zeros((1, 8, 8, spec.image_channels), "f4"))


def test_tflite(model, tmp_path):
    spec, segmenter = model
    plain = export_tflite(segmenter, spec, tmp_path)
    half = export_tflite(segmenter, spec, tmp_path, "float16")
    largest, changed = differences(model, plain)
    assert largest < 1e-5 and changed < 1e-3
    largest, changed = differences(model, half)
    assert 1e-5 < largest < 0.02 and changed < 0.01
    assert (half / "model.tflite").stat().st_size < (plain / "model.tflite").stat().st_size
    # Built-in operations alone: others would need TensorFlow's own kernels on the device.
    assert b"Flex" not in (plain / "model.tflite").read_bytes()


@pytest.mark.slow
def test_int8_by_representative_images(model, tmp_path):
    spec, segmenter = model
    images = [picture(spec, 40, 48, seed) for seed in range(4)]
    folder = export_tflite(segmenter, spec, tmp_path, "int8", images)
    types = {
        tensor["dtype"]
        for tensor in tf.lite.Interpreter(str(folder / "model.tflite")).get_tensor_details()
    }
    assert np.int8 in types
    _, changed = differences(model, folder)
    assert changed < 0.1
    with pytest.raises(UserError, match="needs representative images"):
        export_tflite(segmenter, spec, tmp_path, "int8")


@pytest.mark.slow
def test_report_of_a_conversion(tmp_path):
    spec, segmenter = GREY_SPEC, randomised_segmenter(GREY_SPEC)
    images = tuple(picture(spec, 40, 48, seed) for seed in range(2))
    original = predictor_of(segmenter, spec)
    labels = tuple(
        original.predict_probabilities(image[np.newaxis])[0].argmax(-1).astype(np.uint8)
        for image in images
    )
    examples = Examples(("a", "b"), images, labels)
    folder, text = convert_model(
        segmenter, spec, "tflite", "int8", tmp_path, None, ConversionImages(examples, examples)
    )
    report = json.loads((folder / "assets.extra" / "report.json").read_text())
    assert report["images"] == 2 and report["pixels"] == 2 * 40 * 48
    # Labels are float32's own answers: what int8 gets wrong is what it changes.
    assert report["metrics"]["float32"]["accuracy"] == 1
    assert report["metrics"]["export"]["accuracy"] == pytest.approx(1 - report["labels_changed"])
    assert 0 < report["labels_changed"] < 0.2
    assert 0 < report["mean_probability_change"] < report["largest_probability_change"] <= 1
    assert f"{report['labels_changed']:.3%} of pixels" in text
    load_exported(folder)


def test_damage_is_refused(tmp_path):
    folder = export_tflite(randomised_segmenter(GREY_SPEC), GREY_SPEC, tmp_path)
    file = folder / "model.tflite"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a whole export"):
        load_exported(folder)
    file.unlink()
    with pytest.raises(UserError, match="not a whole export"):
        load_exported(folder)
    shutil.rmtree(folder)
    with pytest.raises(UserError, match="holds no export"):
        load_exported(tmp_path)


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UserError, match=r"needs the extra onnx.*pip install"):
        onnx_model.export_onnx(randomised_segmenter(GREY_SPEC), GREY_SPEC, tmp_path)
