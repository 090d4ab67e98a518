"""The peak of the device, as reached by TensorFlow's matrix multiplication."""

import tensorflow as tf

from benchmarks.settings import Settings
from benchmarks.workload import Workload, Workloads, timed

_SIZES = {"CPU": (1024, 2048, 3072), "GPU": (4096, 8192, 16384)}


def build_matmul(settings: Settings) -> Workloads:
    """Products of square matrices of several sizes, in the policy's compute type."""
    device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    sizes = settings.matmul_sizes or _SIZES[device]
    return {f"{size} x {size}": _product(size) for size in sizes}


def _product(size: int) -> Workload:
    dtype = tf.keras.mixed_precision.global_policy().compute_dtype
    a, b = (tf.cast(tf.random.normal([size, size], seed=seed), dtype) for seed in (1, 2))

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            product = tf.matmul(a, b)
        product[0, 0].numpy()

    return Workload(run, operations=2 * size**3)
