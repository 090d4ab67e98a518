"""The process that holds one candidate, so that its peak memory is its own.

    python -m benchmarks.worker < orders

Speaks JSON, one object a line, with `benchmarks.rounds`. The first order is the settings, the
candidate and its precision; the answer says what is to be timed. Then every empty object asks for
a turn, answered by seconds a repetition, and the end of orders for the memory. What libraries
print goes to standard error.
"""

import json
import math
import os
import resource
import sys
from pathlib import Path
from typing import TextIO

import tensorflow as tf

from benchmarks import candidates
from benchmarks.input_pipeline import build_pipeline
from benchmarks.keras_way import build_keras_way
from benchmarks.matmul import build_matmul
from benchmarks.settings import (
    FED,
    INFERENCE,
    JOINT_ENCODER,
    JOINT_PATCH,
    KERAS_WAY,
    MATMUL,
    PIPELINE,
    SUPERVISED,
    Settings,
)
from benchmarks.workload import Workload, Workloads
from tfadvseg.config import Precision
from tfadvseg.training.distribution import choose_precision

_WARM_UP = 2


def build(name: str, settings: Settings) -> Workloads:
    """What candidate `name` times, built under the current precision policy."""
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
    raise ValueError(f"unknown candidate {name!r}")


def prepare(name: str, precision: Precision) -> None:
    """Sets up TensorFlow as training does; the Keras way is left with Keras's own defaults."""
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)  # the candidates share it
    if name != KERAS_WAY:
        tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(0)
    tf.keras.mixed_precision.set_global_policy(choose_precision(precision))


def time_turn(workload: Workload, seconds: float, least_repetitions: int) -> float:
    """Seconds a repetition, of as many as fill a turn of about `seconds`.

    One more goes ahead: caches are cold, as others have had their turns since.
    """
    repetitions = max(least_repetitions, math.ceil(seconds / workload.run(1)))
    return workload.run(repetitions) / repetitions


def peak_memory() -> int:
    """The most bytes that this process has held: on the GPU if there is one, else resident."""
    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # Linux counts in KiB


def describe_machine() -> dict[str, object]:
    """The device, and the precisions that it runs fast."""
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
        "python": sys.version.split()[0],
        "precisions": precisions,
    }


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open() as file:
            return next(
                line.split(":")[1].strip() for line in file if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return "CPU"


def serve(orders: TextIO, answers: TextIO) -> None:
    """Does what the parent process asks until it asks no more."""

    def answer(content: dict[str, object]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    order = json.loads(orders.readline())
    if "candidate" not in order:
        answer(describe_machine())
        return
    order["settings"]["crop_size"] = tuple(order["settings"]["crop_size"])
    settings = Settings(**order["settings"])
    prepare(order["candidate"], order["precision"])
    empty = peak_memory()
    workloads = build(order["candidate"], settings)
    for workload in workloads.values():
        workload.run(_WARM_UP)
    answer(
        {
            part: {
                "images": workload.images,
                "operations": workload.operations,
                "plain_operations": workload.plain_operations,
            }
            for part, workload in workloads.items()
        }
    )
    share = settings.turn_seconds / len(workloads)
    for _ in orders:
        answer(
            {
                part: time_turn(workload, share, settings.least_repetitions)
                for part, workload in workloads.items()
            }
        )
    answer({"peak_memory": peak_memory(), "empty_memory": empty})


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers)
