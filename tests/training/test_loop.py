"""The outer loop: its cadence, and continuation of a stopped run as if uninterrupted."""

import signal

import pytest
import tensorflow as tf

from tests.testing_utils import tiny_config
from tfadvseg.errors import UserError
from tfadvseg.training import loop
from tfadvseg.training.history import RunLog
from tfadvseg.training.stopping import Stopped
from tfadvseg.training.types import Batches, Phase

CONFIG = tiny_config(
    method={"lambda_adv": ((0, 0.5), (1, 2.0))}, run={"epochs": 2, "checkpoint_every": 4}
)


def scalar(batch, weights):
    return {"segmenter/loss_seg": batch["x"] + 100 * weights["lambda_adv"]}


def numbers(updates: int) -> Batches:
    """Batches that are their number in the phase."""

    def batches(epoch: int, first: int) -> tf.data.Dataset:
        del epoch
        dataset = tf.data.Dataset.range(first, updates)
        return dataset.map(lambda number: {"x": tf.cast(number, tf.float32)})

    return batches


def lambda_adv(progress: float) -> dict[str, float]:
    return {"lambda_adv": [0.5, 2.0][int(progress)]}


PHASES = (
    Phase("a", scalar, 5, numbers(5), lambda_adv),
    Phase("b", scalar, 2, numbers(2), lambda_adv),
)


class Recorder:
    """Hooks that remember what was asked of them."""

    def __init__(self, raise_at: int = 0, signal_number: int = signal.SIGTERM, over: bool = False):
        self.said: list[tuple] = []
        self._raise_at, self._signal, self._over = raise_at, signal_number, over

    def end_window(self, update: int, means: dict[str, float]) -> None:
        self.said.append(("window", update, means))

    def end_epoch(
        self, epoch: int, update: int, train: dict[str, float], weights: dict[str, float]
    ) -> str:
        assert weights == lambda_adv(epoch)
        self.said.append(("epoch", update, train))
        return f"epoch {epoch + 1}"

    def is_over(self, update: int) -> bool:
        return self._over

    def save(self, update: int) -> None:
        self.said.append(("save", update))
        if update == self._raise_at:
            signal.raise_signal(self._signal)

    def measured(self) -> list[tuple]:
        return [each for each in self.said if each[0] != "save"]


def run(hooks: Recorder, step: tf.Variable | None = None, log: RunLog | None = None) -> None:
    step = tf.Variable(0, dtype=tf.int64) if step is None else step
    strategy = tf.distribute.get_strategy()
    loop.run_updates(CONFIG, PHASES, (), strategy, step, log or RunLog(), hooks)


@pytest.fixture(autouse=True)
def short_windows(monkeypatch):
    monkeypatch.setattr(loop, "LOG_EVERY", 3)


def test_windows_epochs_and_checkpoints_come_when_they_are_due():
    hooks = Recorder()
    run(hooks)
    name = "segmenter/loss_seg"
    assert hooks.said == [
        ("window", 3, {name: 50 + 1}),
        ("save", 4),
        ("window", 5, {name: 50 + 3.5}),
        ("window", 7, {name: 50 + 0.5}),
        ("epoch", 7, {name: pytest.approx(50 + 11 / 7)}),
        ("save", 7),
        ("save", 8),
        ("window", 10, {name: 200 + 1}),
        ("window", 12, {name: 200 + 3.5}),
        ("save", 12),
        ("window", 14, {name: 200 + 0.5}),
        ("epoch", 14, {name: pytest.approx(200 + 11 / 7)}),
        ("save", 14),
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("raise_at", [4, 7, 8, 12])
def test_a_stopped_run_continues_as_if_it_had_not_been(number, raise_at):
    whole, first, second = Recorder(), Recorder(raise_at, number), Recorder()
    run(whole)
    before = signal.getsignal(number)
    step, log = tf.Variable(0, dtype=tf.int64), RunLog()
    with pytest.raises(Stopped, match=f"stopped after update {raise_at + 1}"):
        run(first, step, log)
    assert signal.getsignal(number) == before
    assert first.said[-1] == ("save", raise_at + 1)
    assert int(step.numpy()) == raise_at + 1
    later = RunLog()
    later.deserialize(log.serialize())
    run(second, step, later)
    assert first.measured() + second.measured() == whole.measured()


def test_a_second_interrupt_ends_at_once():
    hooks = Recorder(raise_at=4, signal_number=signal.SIGINT)
    save = hooks.save

    def save_interrupted(update: int) -> None:
        save(update)
        # Called, not raised: a callback of the garbage collector could swallow what it raises.
        signal.getsignal(signal.SIGINT)(signal.SIGINT, None)

    hooks.save = save_interrupted
    with pytest.raises(KeyboardInterrupt):
        run(hooks)


def test_training_ends_when_the_hooks_stop_it():
    hooks = Recorder(over=True)
    run(hooks)
    assert hooks.said[-1] == ("save", 7)


def test_the_update_that_was_not_finite_is_named():
    def step(batch, weights):
        return {"segmenter/loss_seg": tf.math.log(2.0 - batch["x"])}  # of 0 at the third

    with pytest.raises(UserError, match="update 3: segmenter/loss_seg not finite"):
        loop.run_updates(
            CONFIG,
            (Phase("a", step, 7, numbers(7)),),
            (),
            tf.distribute.get_strategy(),
            tf.Variable(0, dtype=tf.int64),
            RunLog(),
            Recorder(),
        )
