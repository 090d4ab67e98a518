"""Distribution strategy, replicas and precision of a run."""

import tensorflow as tf
from absl import logging

from tfadvseg.compat.processor import cpu_multiplies_bfloat16
from tfadvseg.config import Precision, StrategyName
from tfadvseg.errors import UserError
from tfadvseg.training.joining import multi_worker_strategy


def choose_strategy(name: StrategyName) -> tf.distribute.Strategy:
    """The strategy for `--strategy`, on the machine's GPUs, or on its CPUs if there is no GPU.

    `mirrored` keeps a copy of all variables on each device; `one_device` uses the first device
    only; `default` leaves placement to TensorFlow. `auto` is `mirrored` if there are several GPUs.
    `multi_worker` joins the cluster that the environment describes (`training.joining`).
    Strategies that keep variables in one place are not supported, because spectral normalisation
    and batch norm assign variables within a step.
    """
    if name == "multi_worker":  # before anything asks for devices
        return multi_worker_strategy()
    gpus = tf.config.list_logical_devices("GPU")
    devices = [device.name for device in gpus or tf.config.list_logical_devices("CPU")]
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "default"
    match name:
        case "mirrored":
            return tf.distribute.MirroredStrategy(devices)
        case "one_device":
            return tf.distribute.OneDeviceStrategy(devices[0])
    return tf.distribute.get_strategy()


def check_batch_size(
    size: int, strategy: tf.distribute.Strategy, flag: str = "global_batch_size"
) -> None:
    """Refuses a batch size that is not a multiple of the number of replicas.

    Raises:
        UserError: naming `flag`.
    """
    replicas = strategy.num_replicas_in_sync
    if size % replicas:
        raise UserError(
            f"--{flag}={size}: {replicas} replicas cannot share it evenly; "
            f"take a multiple of {replicas}."
        )


def replicas() -> int:
    """Number of replicas that share a global batch; call this within a replica's step."""
    return tf.distribute.get_replica_context().num_replicas_in_sync


def sum_over_replicas(value: tf.Tensor) -> tf.Tensor:
    """The sum of a tensor over all replicas; call this within a replica's step."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def gather_replicas(value: tf.Tensor) -> tf.Tensor:
    """The scalars of all replicas, [replicas]; call this within a replica's step."""
    context = tf.distribute.get_replica_context()
    value = tf.reshape(value, [1])
    return value if context.num_replicas_in_sync == 1 else context.all_gather(value, axis=0)


def choose_precision(name: Precision) -> str:
    """The Keras policy for `--precision`; `auto` takes the one that is fast on the device.

    On GPUs, `auto` is bfloat16 from compute capability 8, float16 with loss scaling from 7, and
    float32 below. On CPUs it is bfloat16 only if the processor multiplies bfloat16 in hardware
    (AVX512-BF16 or AMX) and oneDNN is not disabled (`TF_ENABLE_ONEDNN_OPTS=0`); otherwise bfloat16
    would be tens of times slower than float32.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if name != "auto":
        if name == "bfloat16" and not gpus and not cpu_multiplies_bfloat16():
            logging.warning(
                "--precision=bfloat16: this processor has no hardware support for it; float32 "
                "may be tens of times faster."
            )
        return "float32" if name == "float32" else f"mixed_{name}"
    if gpus:
        capabilities = [
            tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
            for gpu in gpus
        ]
        if min(capabilities) >= (8, 0):
            return "mixed_bfloat16"
        return "mixed_float16" if min(capabilities) >= (7, 0) else "float32"
    return "mixed_bfloat16" if cpu_multiplies_bfloat16() else "float32"
