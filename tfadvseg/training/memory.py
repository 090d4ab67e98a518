"""How much memory training took."""

import resource
import sys

import tensorflow as tf


def peak_memory_bytes() -> int:
    """The most memory that was held at any time since the process began.

    With GPUs that is what TensorFlow held of the fullest one's memory, else what was resident of
    the process; Linux counts in what the process that started this one held then.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        names = [gpu.name.removeprefix("/device:") for gpu in gpus]
        return max(tf.config.experimental.get_memory_info(name)["peak"] for name in names)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # Linux counts in KiB
