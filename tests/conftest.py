"""Shared by all tests: two logical CPUs for replicas, and the location of real data."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from absl import logging
from hypothesis import settings

import tfadvseg  # noqa: F401  before TensorFlow, as in the scripts: it chooses its kernels

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # numbers are of CPUs

# Slow machines must not fail tests, and failures must be reproducible.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_finish() -> None:
    """Spares the garbage collector what was imported; a sixth of the tests' time went into that."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def two_logical_cpus():
    """Must run before anything else uses TensorFlow's devices."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


@pytest.fixture(autouse=True)
def same_start() -> Iterator[None]:
    """Each test starts in float32 with the same seed and log level, whatever ran before.

    So does each module, whose own fixtures run before this one. Operations need not be
    deterministic, unlike within a run.
    """
    _reset()
    yield
    _reset()


def _reset() -> None:
    import tensorflow as tf
    from tensorflow.python.framework import config

    logging.set_verbosity(logging.INFO)  # as in the commands; caplog does not set absl's level
    tf.keras.mixed_precision.set_global_policy("float32")
    tf.keras.utils.set_random_seed(1)
    config.disable_op_determinism()  # TensorFlow names no public way back


@pytest.fixture(scope="session")
def two_replicas():
    """One strategy for all tests: a second one would reuse the collective keys of the first."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data next to the checkout; skips if it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is absent")
    return folder
