"""Peak memory of training."""

import resource
import sys

import tensorflow as tf


def peak_memory_bytes() -> int:
    """Peak memory since the process started, in bytes.

    With GPUs, it is TensorFlow's peak on the GPU that used most; otherwise the peak resident size
    of the process, which on Linux includes that of the parent process at the start.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        names = [gpu.name.removeprefix("/device:") for gpu in gpus]
        return max(tf.config.experimental.get_memory_info(name)["peak"] for name in names)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # Linux counts in KiB
