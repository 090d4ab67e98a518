"""Exports to other formats and precisions, with a report of how much they change predictions."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadvseg.config import DataConfig
from tfadvseg.data.examples import Examples, spread
from tfadvseg.data.sources import load_split
from tfadvseg.errors import UserError
from tfadvseg.evaluation.report import evaluate_sections, format_table
from tfadvseg.export.choices import Format, Quantization
from tfadvseg.export.exported import load_exported
from tfadvseg.export.onnx_model import export_onnx
from tfadvseg.export.predictor import Predictor
from tfadvseg.export.run_model import predictor_of
from tfadvseg.export.saved_model import in_float32
from tfadvseg.export.tflite_model import export_tflite
from tfadvseg.export.version_folder import EXTRA
from tfadvseg.files import atomic
from tfadvseg.files.metrics_text import without_nan
from tfadvseg.files.model_spec import RUN_FLAGS, ModelSpec
from tfadvseg.run.evaluation import evaluated_data
from tfadvseg.run.prediction import find_images, read_pages

REPORT_FILE = "report.json"

REPRESENTATIVE_IMAGES = 100
"""Training images that calibrate int8 quantization; TensorFlow advises 100 to 500."""


@dataclass(frozen=True)
class ConversionImages:
    """Images for a conversion.

    Attributes:
        representative: images that calibrate int8 quantization.
        compared: images for the comparison with the original model; labels are optional.
    """

    representative: Examples
    compared: Examples


@dataclass
class Comparison:
    """Difference of two predictors over all pixels compared so far.

    Attributes:
        pixels: number of pixels.
        changed: number of pixels with another label.
        largest: largest difference of a probability.
        total: sum over pixels of the differences of probabilities, averaged over the classes.
    """

    pixels: int = 0
    changed: int = 0
    largest: float = 0.0
    total: float = 0.0

    def add(self, expected: np.ndarray, got: np.ndarray) -> None:
        """Adds the probabilities [B,H,W,K] that both give for the same images."""
        difference = np.abs(got - expected)
        self.pixels += expected[..., 0].size
        self.changed += int((got.argmax(-1) != expected.argmax(-1)).sum())
        self.largest = max(self.largest, float(difference.max(initial=0)))
        self.total += float(difference.mean(-1).sum())


@dataclass(frozen=True)
class _Compared:
    """A converted model whose predictions are compared with the original's as they are made."""

    original: Predictor
    converted: Predictor
    comparison: Comparison = field(default_factory=Comparison)

    @property
    def spec(self) -> ModelSpec:
        return self.converted.spec

    def predict_probabilities(self, images: np.ndarray) -> np.ndarray:
        got = self.converted.predict_probabilities(images)
        self.comparison.add(self.original.predict_probabilities(images), got)
        return got

    def predict_scaled(self, images: np.ndarray) -> np.ndarray:
        raise NotImplementedError("models that scale by percentiles are not converted")


def conversion_images(
    run_dir: Path, spec: ModelSpec, images: str | None, count: int
) -> ConversionImages:
    """The run's training and validation images, or image files.

    Args:
        run_dir: folder of the run.
        spec: spec of its model.
        images: folder, file or pattern of image files for both uses; None for the run's images.
        count: largest number of images to compare, evenly spread.

    Raises:
        UserError: the images cannot be read or do not fit the model, or the run does not record
            its data.
    """
    if images is not None:
        pages = [
            (f"{path}:{number}", page)
            for path in find_images(images)
            for number, page in enumerate(read_pages(path, spec).pages)
        ]
        given = Examples(tuple(key for key, _ in pages), tuple(page for _, page in pages), None)
        return ConversionImages(spread(given, REPRESENTATIVE_IMAGES), spread(given, count))
    if not (run_dir / RUN_FLAGS).exists():
        raise UserError(
            f"--model={run_dir}: does not record its data; give --images for the comparison, or "
            "--report_images=0 to skip it."
        )
    data, seed = evaluated_data(DataConfig(), {}, None, run_dir)
    _, train = load_split(data, "train", seed)
    _, validation = load_split(data, "validation", seed)
    return ConversionImages(spread(train, REPRESENTATIVE_IMAGES), spread(validation, count))


def convert_model(
    segmenter: tf.keras.Model,
    spec: ModelSpec,
    target: Format,
    quantization: Quantization,
    base_dir: str | Path,
    version: int | None,
    images: ConversionImages | None,
) -> tuple[Path, str]:
    """Exports S in another format and compares the export with S.

    Args:
        segmenter, spec, base_dir, version: as for `export_saved_model`.
        target: `onnx` or `tflite`.
        quantization: quantization of `tflite`.
        images: images for `int8` and for the comparison; None if neither is wanted.

    Returns:
        The version's folder, which holds the report as `assets.extra/report.json`; and the report
        as text, empty without images.

    Raises:
        UserError: as `export_onnx` and `export_tflite`.
    """
    if spec.image_dtype != "uint8" or spec.normalise == "percentile":
        raise UserError(
            f"--format={target}: is for models of 8-bit images that --normalise=percentile does "
            f"not scale; this one takes {spec.image_dtype}, --normalise={spec.normalise}. Export "
            "it as a SavedModel."
        )
    if target == "onnx":
        folder = export_onnx(segmenter, spec, base_dir, version)
    else:
        representative = [] if images is None else list(images.representative.images)
        folder = export_tflite(segmenter, spec, base_dir, quantization, representative, version)
    if images is None or not len(images.compared):
        return folder, ""
    return folder, compare_with_float32(segmenter, spec, folder, images.compared)


def compare_with_float32(
    segmenter: tf.keras.Model, spec: ModelSpec, folder: Path, examples: Examples
) -> str:
    """Compares an export with S in float32.

    Args:
        segmenter, spec: as for `export_saved_model`.
        folder: of the export, which receives `assets.extra/report.json`.
        examples: at least one; labels are optional.

    Returns:
        The report as text.
    """
    original = predictor_of(in_float32(segmenter, spec), spec)
    compared = _Compared(original, load_exported(folder))
    metrics: dict[str, dict[str, float]] = {}
    if examples.labels is None:
        for image in examples.images:
            compared.predict_probabilities(image[np.newaxis])
    else:
        metrics = {
            "float32": evaluate_sections(original, examples).metrics,
            "export": evaluate_sections(compared, examples).metrics,
        }
    comparison = compared.comparison
    report = {
        "images": len(examples),
        "pixels": comparison.pixels,
        "labels_changed": comparison.changed / comparison.pixels,
        "largest_probability_change": comparison.largest,
        "mean_probability_change": comparison.total / comparison.pixels,
        "bytes": sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
        "metrics": {name: without_nan(values) for name, values in metrics.items()},
    }
    atomic.write_text(folder / EXTRA / REPORT_FILE, json.dumps(report, indent=1) + "\n")
    text = (
        f"compared with float32 on {len(examples)} images: labels of "
        f"{report['labels_changed']:.3%} of pixels changed; probabilities by "
        f"{report['mean_probability_change']:.2g} on average and {comparison.largest:.2g} at most"
    )
    return f"{text}\n{format_table(metrics)}" if metrics else text
