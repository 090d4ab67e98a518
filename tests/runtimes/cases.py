"""Every segmenter, exported to every format, with images and what TensorFlow answers for them."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.models.test_segmenters import SMALL, randomise
from tfadvseg.config.resolve import architecture
from tfadvseg.config.segmenter import SegmenterConfig
from tfadvseg.data.descriptors import default_palette
from tfadvseg.export.onnx_model import export_onnx
from tfadvseg.export.saved_model import export_saved_model
from tfadvseg.export.serving_module import SERVING_DEFAULT, build_serving_module
from tfadvseg.export.tflite_model import export_tflite
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.segmenters import build_segmenter

VARIANTS: dict[str, dict] = {
    "plain": {},
    "resize": {"resize": (40, 56)},
    "test_scales": {"test_scales": (0.7, 1.0, 1.5)},
}
"""The flags --resize and --test_scales, as fields of `ModelSpec`."""

BATCHES = ((1, 64, 96), (1, 61, 47), (3, 61, 47))
"""Numbers, heights and widths of images."""

CLASSES = 4


def case_names(segmenters: Sequence[str] = tuple(SMALL)) -> list[str]:
    """Names of all cases: SEGMENTER-VARIANT."""
    return [f"{segmenter}-{variant}" for segmenter in segmenters for variant in VARIANTS]


def make_case(name: str, folder: Path) -> None:
    """Writes a case: exports, `inputs.npz`, `expected.npz` and `saved_model_names.json`.

    The last says how the SavedModel's graph names the tensors of `serving_default`, for the C API.
    """
    segmenter, variant = name.split("-")
    spec = _spec(SMALL[segmenter], **VARIANTS[variant])
    images = [_images(*batch) for batch in BATCHES]
    model, answers = _varied_model(spec, images)
    _save_arrays(folder / "inputs.npz", {str(index): batch for index, batch in enumerate(images)})
    for key in ("probabilities", "label"):
        _save_arrays(
            folder / f"{key}.npz",
            {str(index): answer[key].numpy() for index, answer in enumerate(answers)},
        )
    saved = export_saved_model(model, spec, folder / "saved_model")
    export_onnx(model, spec, folder / "onnx")
    export_tflite(model, spec, folder / "tflite")
    proto = saved_model_pb2.SavedModel.FromString((saved / "saved_model.pb").read_bytes())
    signature = proto.meta_graphs[0].signature_def[SERVING_DEFAULT]
    names = {
        "image": signature.inputs["image"].name,
        "probabilities": signature.outputs["probabilities"].name,
        "label": signature.outputs["label"].name,
    }
    (folder / "saved_model_names.json").write_text(json.dumps(names))


def _spec(config: SegmenterConfig, **changes) -> ModelSpec:
    spec = ModelSpec(
        segmenter=architecture(config),
        class_names=tuple(f"class{index}" for index in range(CLASSES)),
        palette=default_palette(CLASSES),
        image_channels=3,
        mean=(110.0, 120.5, 130.0),
        std=(50.0, 60.0, 70.5),
        foreground_class=None,
        dataset="noise",
        crop_size=(32, 32),
    )
    return dataclasses.replace(spec, **changes)


def _images(count: int, height: int, width: int) -> np.ndarray:
    """Random blocks under noise, uint8 [count,height,width,3]."""
    random = np.random.default_rng(height)
    blocks = random.integers(0, 200, (count, height // 8 + 1, width // 8 + 1, 3))
    rough = np.repeat(np.repeat(blocks, 8, axis=1), 8, axis=2)[:, :height, :width]
    return (rough + random.integers(0, 56, rough.shape)).astype(np.uint8)


def _varied_model(spec: ModelSpec, images: Sequence[np.ndarray]) -> tuple[tf.keras.Model, list]:
    """A segmenter of random weights that answers several classes, so that comparing says much."""
    model = build_segmenter(spec.segmenter, spec.num_classes, spec.image_channels)
    randomise(model)
    _balance(model, spec, images[0])
    module = build_serving_module(model, spec)
    answers = [module.serving_default(tf.constant(batch)) for batch in images]
    shares = np.bincount(answers[0]["label"].numpy().ravel(), minlength=CLASSES)
    assert (shares > 0).sum() >= 2, f"{spec.segmenter}: one class everywhere: {shares}"
    return model, answers


def _balance(model: tf.keras.Model, spec: ModelSpec, images: np.ndarray) -> None:
    """Gives the classes' logits one mean and, where the last layer alone decides, a trained size.

    Random weights may give logits of hundreds, whose float rounding alone exceeds the tolerance.
    """
    normalised = ((images - np.array(spec.mean)) / spec.std).astype(np.float32)
    for variable in model.variables:
        if variable.name == "logits/kernel:0":
            variable.assign(2 * variable / np.std(model(normalised, training=False)))
    means = tf.reduce_mean(model(normalised, training=False), [0, 1, 2]).numpy()
    biases = [v for v in model.variables if "bias" in v.name and v.shape == [CLASSES]]
    # Of networks that sum several branches, the last level's first branch has a bias of its own.
    last = biases[-1] if "rate" not in biases[-1].name else biases[-4]
    last.assign(last - means)


def _save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
