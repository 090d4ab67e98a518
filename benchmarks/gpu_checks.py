"""What must hold on a GPU, and what cannot be seen on a CPU: each check is a process of its own.

    python -m benchmarks.gpu_checks < order

See `benchmarks.turns` for orders and answers. Every check trains S against the patch D, by SGD,
whose updates are as exact as its gradients. Without a GPU they run on the CPU, for their tests.
"""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks.candidates import JOINT_METHOD, MEMBRANES, PATCH_D, experiment_config
from benchmarks.settings import DETERMINISM, FLOAT16, REPLICAS, XLA, Settings
from benchmarks.steps import Step
from benchmarks.turns import Streams
from tfadvseg.config import OptimizerConfig
from tfadvseg.methods.building import build_state
from tfadvseg.training.state import Builder

SGD = OptimizerConfig("sgd", 0.05)
UPDATES = 10
LOSS_TOLERANCE = 0.01
"""For float16's or XLA's last loss, relative to float32's or to that without XLA."""
WEIGHT_TOLERANCE = 1e-5
"""For a weight on two replicas, absolute."""
PART_MEBI = 4096
"""Memory of each of two parts of a GPU."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Whether a check passed, and what it found, in words."""

    passed: bool
    found: str


class Training:
    """The joint step of S and the patch D on one batch, which the replicas of `strategy` share."""

    def __init__(
        self,
        settings: Settings,
        strategy: tf.distribute.Strategy | None = None,
        xla: bool = False,
    ) -> None:
        strategy = strategy or tf.distribute.get_strategy()
        tf.keras.utils.set_random_seed(0)
        config = experiment_config(settings, JOINT_METHOD, PATCH_D)
        config = dataclasses.replace(config, s_optimizer=SGD, d_optimizer=SGD)
        with strategy.scope():
            self.state = build_state(Builder(config, MEMBRANES))
            self._step = Step(config, self.state, settings, MEMBRANES, xla)
        windows = tf.data.Dataset.from_tensors(self._step.batch).unbatch().batch(settings.batch)
        self._batch = next(iter(strategy.experimental_distribute_dataset(windows)))

    def loss(self, updates: int = UPDATES) -> float:
        """S's loss at the last of so many further updates."""
        for _ in range(updates):
            loss = self._step(self._batch)
        return float(loss)

    def seconds(self) -> float:
        """Time of an update, once the step is traced."""
        start = time.perf_counter()
        self.loss()
        return (time.perf_counter() - start) / UPDATES

    def weights(self) -> list[np.ndarray]:
        """The trainable ones of S and D."""
        learners = self.state.learners.values()
        return [weight.numpy() for it in learners for weight in it.model.trainable_weights]


def check_determinism(settings: Settings) -> Outcome:
    """Two runs from one seed end in the same bits."""
    tf.config.experimental.enable_op_determinism()
    runs = []
    for _ in range(2):
        training = Training(settings)
        training.loss()
        runs.append(training.weights())
    same = all(np.array_equal(one, other) for one, other in zip(*runs, strict=True))
    return Outcome(same, f"{UPDATES} updates, twice: {'the same' if same else 'other'} bits")


def check_float16(settings: Settings) -> Outcome:
    """Updates are applied at the loss scale, and the loss is that of float32."""
    expected = Training(settings).loss()
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    training = Training(settings)
    loss = training.loss()
    optimizers = [learner.optimizer for learner in training.state.learners.values()]
    # An update whose gradients overflow is skipped, and halves the scale.
    applied = min(int(optimizer.iterations) for optimizer in optimizers)
    scales = " and ".join(f"{float(optimizer.loss_scale):g}" for optimizer in optimizers)
    return Outcome(
        applied > UPDATES // 2 and _are_close(loss, expected),
        f"{applied} of {UPDATES} updates applied, loss scales {scales}; "
        f"loss {loss:.4f}, in float32 {expected:.4f}",
    )


def check_replicas(settings: Settings) -> Outcome:
    """Two replicas train as one does: on two GPUs, or on two parts of the only one."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    devices, exchange = _two_devices()
    two = Training(settings, tf.distribute.MirroredStrategy(devices, exchange))
    one = Training(settings, tf.distribute.OneDeviceStrategy(devices[0]))
    losses = one.loss(1), two.loss(1)  # further updates would magnify the rounding of the first
    pairs = zip(one.weights(), two.weights(), strict=True)
    largest = max(float(np.max(np.abs(mine - other))) for mine, other in pairs)
    return Outcome(
        largest <= WEIGHT_TOLERANCE,
        f"weights differ by at most {largest:.1e} after an update on "
        f"{' and '.join(devices)}; losses {losses[0]:.6f} and {losses[1]:.6f}",
    )


def _two_devices() -> tuple[list[str], tf.distribute.CrossDeviceOps | None]:
    """Names of two devices, and how they exchange gradients; None is TensorFlow's choice."""
    gpus = tf.config.list_physical_devices("GPU")
    if len(gpus) > 1:
        return ["GPU:0", "GPU:1"], None
    device = (gpus or tf.config.list_physical_devices("CPU"))[0]
    part = tf.config.LogicalDeviceConfiguration(memory_limit=PART_MEBI if gpus else None)
    tf.config.set_logical_device_configuration(device, [part, part])
    # NCCL refuses to join two parts of one GPU.
    names = [f"{device.device_type}:{number}" for number in (0, 1)]
    return names, tf.distribute.ReductionToOneDevice()


def check_xla(settings: Settings) -> Outcome:
    """With XLA the loss is the same; also how fast it is."""
    plain, compiled = Training(settings), Training(settings, xla=True)
    expected, loss = plain.loss(), compiled.loss()
    gain = plain.seconds() / compiled.seconds()
    return Outcome(
        _are_close(loss, expected),
        f"{gain:.2f} times as fast as without; loss {loss:.4f}, without {expected:.4f}",
    )


def _are_close(loss: float, expected: float) -> bool:
    return abs(loss - expected) <= LOSS_TOLERANCE * abs(expected)


_CHECKS: dict[str, Callable[[Settings], Outcome]] = {
    DETERMINISM: check_determinism,
    FLOAT16: check_float16,
    REPLICAS: check_replicas,
    XLA: check_xla,
}


def serve(streams: Streams) -> None:
    order = streams.next_order()
    outcome = _CHECKS[order["check"]](order["settings"])
    streams.answer(dataclasses.asdict(outcome))


if __name__ == "__main__":
    serve(Streams())
