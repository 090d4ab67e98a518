"""The training loop: epochs, phases, logging and checkpoints. Independent of losses and data."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

import tensorflow as tf
from absl import logging

from tfadvseg.config import Config
from tfadvseg.training.guards import JUDGED_UPDATES, discriminator_notices
from tfadvseg.training.history import FetchedScalars, RunLog, check_finite, fetch
from tfadvseg.training.progress import Progress
from tfadvseg.training.stopping import Stopped
from tfadvseg.training.types import Batch, Opponent, Phase, Scalars, Weights
from tfadvseg.training.workers import workers_of

LOG_EVERY = 100
"""Updates per logging window, unless the phase ends first."""

AGREE_EVERY = 10
"""Updates after which several workers agree whether to stop."""


class Hooks(Protocol):
    """Functions that the loop calls; implemented by `run.outputs.RunOutput`."""

    def end_window(self, update: int, means: dict[str, float]) -> None:
        """Reports a logging window."""

    def end_epoch(
        self, epoch: int, update: int, train: dict[str, float], weights: dict[str, float]
    ) -> str:
        """Validates and reports; returns a line for the terminal."""

    def is_over(self, update: int) -> bool:
        """Whether training stops early after this epoch."""

    def save(self, update: int) -> None:
        """Writes a checkpoint."""


@dataclass(frozen=True)
class Position:
    """Position of an update in a run: epoch, phase and update within the phase, all from 0."""

    epoch: int
    phase: int
    update: int


def locate(update: int, phases: tuple[Phase, ...]) -> Position:
    """The position of update number `update`, counted from 0 at the start of the run."""
    epoch, rest = divmod(update, sum(phase.updates for phase in phases))
    for index, phase in enumerate(phases):
        if rest < phase.updates:
            return Position(epoch, index, rest)
        rest -= phase.updates
    raise AssertionError("an epoch has at least one update")


CompiledStep = Callable[[Batch, Weights], Scalars]


def compile_phase(phase: Phase, strategy: tf.distribute.Strategy, xla: bool) -> CompiledStep:
    """The phase's step as one `tf.function` over all replicas, traced once."""

    @tf.function(autograph=False, jit_compile=True if xla else None)
    def step(batch: Batch, weights: Weights) -> Scalars:
        per_replica = strategy.run(phase.step, args=(batch, weights))
        # Steps report global values, the same on every replica.
        return tf.nest.map_structure(
            lambda value: strategy.experimental_local_results(value)[0], per_replica
        )

    return step


def run_updates(
    config: Config,
    phases: tuple[Phase, ...],
    opponents: tuple[Opponent, ...],
    strategy: tf.distribute.Strategy,
    step: tf.Variable,
    log: RunLog,
    hooks: Hooks,
) -> None:
    """Trains from update `step` to the end of the last epoch, or until the hooks stop it early.

    Raises:
        UserError: a scalar became NaN or infinite.
        Stopped: the process received SIGTERM or SIGINT; the state was saved.
    """
    xla = config.run.xla and bool(tf.config.list_logical_devices("GPU"))
    if config.run.xla and not xla:
        logging.warning("--xla: ignored, because there is no GPU and XLA is slower on CPUs.")
    workers = workers_of(strategy)
    compiled = [compile_phase(phase, strategy, xla) for phase in phases]
    updates_per_epoch = sum(phase.updates for phase in phases)
    total = config.run.epochs * updates_per_epoch
    update = int(step.numpy())
    progress = Progress(total, update, config.windows_per_update)
    every = config.run.checkpoint_every
    last_wall_tick = time.monotonic()
    with _stop_requests() as stop_requested, _closing(progress):
        while update < total:
            position = locate(update, phases)
            phase = phases[position.phase]
            description = f"epoch {position.epoch + 1}/{config.run.epochs} {phase.name}"
            batches = workers.parts(phase.batches(position.epoch, position.update))
            done = position.update
            pending: Scalars | None = None
            last_tick = time.monotonic()
            for batch in batches:
                weights = phase.weights(position.epoch + done / phase.updates)
                scalars = compiled[position.phase](batch, _constants(weights))
                # Scalars are fetched while the next step runs, so that the GPU never waits.
                if pending is not None:
                    _record(fetch(pending), update, log, opponents, progress, description)
                pending = scalars
                update += 1
                done += 1
                ends_phase = done == phase.updates
                ends_epoch = update % updates_per_epoch == 0
                ends_window = done % LOG_EVERY == 0 or ends_phase
                # Workers stop at the same update; that costs an exchange, so not at every one.
                asks = workers.count == 1 or ends_phase or update % AGREE_EVERY == 0
                stopping = asks and workers.any(stop_requested())
                saves = ends_epoch or (every and update % every == 0) or stopping
                if ends_window or saves:
                    _record(fetch(pending), update, log, opponents, progress, description)
                    pending = None
                    log.seconds += time.monotonic() - last_tick
                    if ends_window:
                        hooks.end_window(update, log.window.result())
                        log.window.values.clear()
                    if ends_epoch:
                        line = hooks.end_epoch(
                            position.epoch,
                            update,
                            log.epoch.result(),
                            _weights_at_end(phases, position.epoch),
                        )
                        log.epoch.values.clear()
                        progress.say(line)
                    if saves:
                        log.wall_seconds += time.monotonic() - last_wall_tick
                        last_wall_tick = time.monotonic()
                        step.assign(update)
                        hooks.save(update)
                    if ends_epoch and update < total and hooks.is_over(update):
                        progress.say("no improvement within --patience epochs: training stops")
                        return
                    if stopping and update < total:
                        raise Stopped(f"stopped after update {update}")
                    last_tick = time.monotonic()


def _constants(weights: Mapping[str, float]) -> Weights:
    return {name: tf.constant(value, tf.float32) for name, value in weights.items()}


def _weights_at_end(phases: tuple[Phase, ...], epoch: int) -> dict[str, float]:
    """The weights in the last update of each phase of the epoch."""
    return {
        name: value
        for phase in phases
        for name, value in phase.weights(epoch + (phase.updates - 1) / phase.updates).items()
    }


def _record(
    scalars: FetchedScalars,
    update: int,
    log: RunLog,
    opponents: tuple[Opponent, ...],
    progress: Progress,
    description: str,
) -> None:
    check_finite(scalars, update)
    log.epoch.add(scalars)
    log.window.add(scalars)
    watch_discriminators(scalars, update, log, opponents, progress.say)
    losses = {
        name.removeprefix("segmenter/").removeprefix("d/"): value
        for name, value in scalars.items()
        if "loss" in name and isinstance(value, float)
    }
    progress.advance(description, losses)


def watch_discriminators(
    scalars: FetchedScalars,
    update: int,
    log: RunLog,
    opponents: tuple[Opponent, ...],
    say: Callable[[str], None],
) -> None:
    """Prints each kind of warning about D once. Only steps that update D count.

    Args:
        scalars: scalars of a step, by network and name.
        update: number of the step.
        log: log of the run, which holds D's latest scalars and the warnings printed.
        opponents: the discriminators to watch.
        say: function that prints a line.
    """
    of_updated = tuple(name.removesuffix("loss_d") for name in scalars if name.endswith("loss_d"))
    if not of_updated:
        return
    log.health.add({name: v for name, v in scalars.items() if name.startswith(of_updated)})
    log.health_updates += 1
    if log.health_updates < JUDGED_UPDATES:
        return
    for kind, sentence in discriminator_notices(log.health.result(), opponents).items():
        if kind not in log.notices:
            log.notices[kind] = f"Update {update}: {sentence}"
            say(f"warning: {log.notices[kind]}")
    log.health.values.clear()
    log.health_updates = 0


@contextmanager
def _closing(progress: Progress) -> Iterator[None]:
    try:
        yield
    finally:
        progress.close()


@contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    """Turns SIGTERM and the first SIGINT into a request to stop; the second SIGINT interrupts."""
    requested = False

    def request(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        del frame
        requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        logging.warning("%s: saving the state, then stopping.", signal.Signals(number).name)

    previous = {
        number: signal.signal(number, request) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield lambda: requested
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
