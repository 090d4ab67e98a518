"""The process of one candidate; each has its own, so that peak memory is separate.

    python -m benchmarks.worker < orders

See `benchmarks.turns`. An order without a candidate requests a description of the machine.
Candidates in PyTorch use `benchmarks.torch_worker` instead.
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import tensorflow as tf

from benchmarks import candidates
from benchmarks.adaptation import build_adaptation
from benchmarks.exports import build_export
from benchmarks.input_pipeline import build_pipeline
from benchmarks.keras_way import build_keras_way
from benchmarks.matmul import build_matmul
from benchmarks.networks import build_network, build_segnet_tfa
from benchmarks.reading import build_reading
from benchmarks.settings import (
    ADAPTATION,
    EXPORTS,
    FED,
    INFERENCE,
    JOINT_ENCODER,
    JOINT_PATCH,
    KERAS_WAY,
    MATMUL,
    PACKAGES,
    PIPELINE,
    READING,
    SEGMENTERS,
    SEGNET_TFA,
    STREET_INPUT,
    SUPERVISED,
    Settings,
)
from benchmarks.street_input import build_street_input
from benchmarks.turns import Streams, resident_memory, take_turns
from benchmarks.workload import Workloads
from tfadvseg.config import Precision
from tfadvseg.training.distribution import choose_precision

_WITH_DEFAULTS = (KERAS_WAY, SEGNET_TFA)
"""Candidates that run with TensorFlow's own defaults, without determinism."""


def build(name: str, settings: Settings) -> Workloads:
    """The workloads of candidate `name`, built under the current precision policy."""
    match name:
        case _ if name == MATMUL:
            return build_matmul(settings)
        case _ if name == SUPERVISED:
            return candidates.build_training(settings, candidates.SUPERVISED_METHOD)
        case _ if name == FED:
            return candidates.build_fed_training(settings)
        case _ if name == INFERENCE:
            return candidates.build_inference(settings)
        case _ if name == JOINT_PATCH:
            return candidates.build_training(settings, candidates.JOINT_METHOD)
        case _ if name == JOINT_ENCODER:
            encoder = candidates.encoder_discriminator_config(settings)
            return candidates.build_training(settings, candidates.JOINT_METHOD, encoder)
        case _ if name == KERAS_WAY:
            return build_keras_way(settings)
        case _ if name == PIPELINE:
            return build_pipeline(settings)
        case _ if name in SEGMENTERS:
            return build_network(SEGMENTERS[name], settings)
        case _ if name == SEGNET_TFA:
            return build_segnet_tfa(settings)
        case _ if name == ADAPTATION:
            return build_adaptation(settings)
        case _ if name == STREET_INPUT:
            return build_street_input(settings)
        case _ if name == READING:
            return build_reading(settings)
        case _ if name in EXPORTS:
            return build_export(name, settings)
    raise ValueError(f"unknown candidate {name!r}")


def prepare(name: str, precision: Precision) -> None:
    """Sets up TensorFlow as training does."""
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)  # the candidates share it
    if name not in _WITH_DEFAULTS:
        tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(0)
    tf.keras.mixed_precision.set_global_policy(choose_precision(precision))


def peak_memory() -> int:
    """Maximum number of bytes held by this process: on the GPU if there is one, else resident."""
    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return resident_memory()


def describe_machine() -> dict[str, object]:
    """The device, and the precisions that are fast on it."""
    gpus = tf.config.list_physical_devices("GPU")
    precisions = ["float32"]
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        device = details.get("device_name", "GPU")
        if details.get("compute_capability", (0, 0)) >= (8, 0):
            precisions.append("bfloat16")
        precisions.append("float16")
    else:
        device = f"{_processor()}, {os.cpu_count()} cores"
        if choose_precision("auto") == "mixed_bfloat16":
            precisions.append("bfloat16")
    return {
        "device": device,
        "gpu": bool(gpus),
        "tensor_float_32": bool(gpus)
        and tf.config.experimental.tensor_float_32_execution_enabled(),
        "tensorflow": tf.__version__,
        "packages": {name: _version(name) for name in PACKAGES},
        "python": sys.version.split()[0],
        "precisions": precisions,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open() as file:
            return next(
                line.split(":")[1].strip() for line in file if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return "CPU"


def serve(streams: Streams) -> None:
    order = streams.next_order()
    if "candidate" not in order:
        streams.answer(describe_machine())
        return
    name, settings = order["candidate"], order["settings"]
    prepare(name, order["precision"])
    take_turns(streams, lambda: build(name, settings), settings, peak_memory)


if __name__ == "__main__":
    serve(Streams())
