"""Answers to requests: a U-Net's export in TensorFlow and in other runtimes."""

import atexit
import dataclasses
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.networks import MEMBRANES, network_config
from benchmarks.operations import count_operations
from benchmarks.settings import (
    EXPORT,
    EXPORT_BFLOAT16,
    EXPORT_ONNXRUNTIME,
    EXPORT_OPENVINO,
    Settings,
    export_parts,
)
from benchmarks.workload import Workload, Workloads, timed
from tfadvseg.config.resolve import architecture
from tfadvseg.export.onnx_model import ONNX_FILE, export_onnx
from tfadvseg.export.saved_model import export_saved_model
from tfadvseg.export.serving_module import SERVING_DEFAULT
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.segmenters import build_segmenter

Answer = Callable[[np.ndarray], object]
"""Images, uint8 [N,H,W,1], to probabilities and labels."""


def build_export(name: str, settings: Settings) -> Workloads:
    """One image and a batch of them, answered by candidate `name` of `settings.EXPORTS`.

    The weights are random; no runtime is faster or slower by them.
    """
    folder = Path(tempfile.mkdtemp(prefix="export-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    spec = export_spec(settings)
    model = build_segmenter(spec.segmenter, spec.num_classes, spec.image_channels)
    answer = answer_of(name, model, spec, folder)
    return {
        part: _answering(answer, model, count, settings.crop_size)
        for part, count in export_parts(settings).items()
    }


def answer_of(name: str, model: tf.keras.Model, spec: ModelSpec, folder: Path) -> Answer:
    """Exports S into an empty folder and loads it as candidate `name` of `settings.EXPORTS`."""
    if name in (EXPORT, EXPORT_BFLOAT16):
        precision = "bfloat16" if name == EXPORT_BFLOAT16 else "float32"
        return _in_tensorflow(
            export_saved_model(model, dataclasses.replace(spec, precision=precision), folder)
        )
    path = export_onnx(model, spec, folder) / ONNX_FILE
    if name == EXPORT_ONNXRUNTIME:
        return _in_onnxruntime(path)
    return _in_openvino(path, "f32" if name == EXPORT_OPENVINO else "bf16")


def export_spec(settings: Settings) -> ModelSpec:
    """The U-Net of the ISBI 2012 experiment, for raw images."""
    config, descriptor = network_config("unet", settings)
    return ModelSpec(
        segmenter=architecture(config.segmenter),
        class_names=descriptor.class_names,
        palette=descriptor.palette,
        image_channels=descriptor.image_channels,
        mean=(128.0,),
        std=(64.0,),
        foreground_class=descriptor.foreground_class,
        dataset=MEMBRANES.name,
        crop_size=settings.crop_size,
    )


def _in_tensorflow(folder: Path) -> Answer:
    loaded = tf.saved_model.load(str(folder))

    def answer(images: np.ndarray) -> np.ndarray:
        output = loaded.signatures[SERVING_DEFAULT](image=tf.constant(images))
        return output["probabilities"].numpy()

    return answer


def _in_onnxruntime(path: Path) -> Answer:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["probabilities", "label"], {"image": images})[0]


def _in_openvino(path: Path, precision: str) -> Answer:
    import openvino

    hints = {"INFERENCE_PRECISION_HINT": precision}
    compiled = openvino.Core().compile_model(path, "CPU", hints)
    return lambda images: compiled({"image": images})["probabilities"]


def _answering(
    answer: Answer, model: tf.keras.Model, count: int, size: tuple[int, int]
) -> Workload:
    images = np.random.default_rng(0).integers(0, 256, (count, *size, 1), np.uint8)
    graph = tf.function(lambda image: model(image, training=False), autograph=False)
    given = tf.TensorSpec(images.shape, tf.float32)

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            answer(images)

    return Workload(run, count, count_operations(graph.get_concrete_function(given)))
