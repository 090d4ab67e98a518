r"""What an update of each method costs beside S alone, of the same networks on the same images.

    python -m benchmarks.methods configs/streets_source_only.flags configs/streets_adabn.flags \
      --nomulti_level --precision=float32
    python -m benchmarks.methods --alone configs/dan.flags configs/fixmatch.flags

The first flagfile is what the others are compared with; flags apply to all. With `--alone` each
flagfile is compared with S alone (`--method=supervised`) of the same networks and labelled windows
instead. Networks of `--compare` are left out. Steps are compiled as training compiles them, fed
with one batch of noise, and timed in turn, so that the machine's load hits all alike.
"""

import dataclasses
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.operations import count_operations
from tfadvseg.config import Config, MethodConfig
from tfadvseg.data.examples import Examples
from tfadvseg.data.feeds import Feed, Masks
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.windows import window_maker
from tfadvseg.flags.flagfile import config_of_arguments
from tfadvseg.methods.building import build_state, prepare_training
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.training.distribution import choose_precision
from tfadvseg.training.loop import compile_phase
from tfadvseg.training.state import Builder

ROUNDS = 20


def main(arguments: list[str]) -> None:
    """Prints operations and median time per update of S, relative to the first flagfile's."""
    alone = "--alone" in arguments
    common = [a for a in arguments if a.startswith("--") and a != "--alone"]
    paths = [argument for argument in arguments if not argument.startswith("--")]
    configs = {Path(p).stem: config_of_arguments([f"--flagfile={p}", *common], p) for p in paths}
    bases = dict.fromkeys(configs, next(iter(configs)))
    if alone:
        bases = {name: f"{name}, S alone" for name in configs}
        configs = {
            each: of
            for name, config in configs.items()
            for each, of in ((bases[name], _alone(config)), (name, config))
        }
    updates = {name: _update(_without_comparison(config)) for name, config in configs.items()}
    times: dict[str, list[float]] = {name: [] for name in updates}
    for _ in range(ROUNDS):
        for name, (run, _) in updates.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{'':28} operations   time")
    for name, base in bases.items():
        ratio = updates[name][1] / updates[base][1]
        print(f"{name:28} {ratio:10.2f} {medians[name] / medians[base]:6.2f}")


def _without_comparison(config: Config) -> Config:
    return dataclasses.replace(config, method=dataclasses.replace(config.method, compare=()))


def _alone(config: Config) -> Config:
    """S of a run alone, on the run's labelled windows."""
    return Config(
        data=config.data,
        segmenter=config.segmenter,
        loss=config.loss,
        s_optimizer=config.s_optimizer,
        method=MethodConfig(method="supervised"),
        run=config.run,
    )


def _update(config: Config) -> tuple[Callable[[], None], int]:
    """One update of S, with all that its method does beside it; and its operations."""
    tf.keras.mixed_precision.set_global_policy(choose_precision(config.run.precision))
    state = build_state(Builder(config, descriptor_of(config.data.dataset)))
    training = prepare_training(config, state, _noise(config))
    steps = []
    operations = 0
    for phase in METHODS[config.method.method].phases(training):
        step = compile_phase(phase, tf.distribute.get_strategy(), xla=False)
        batch = next(iter(phase.batches(0, 0)))
        weights = {name: tf.constant(0.1) for name in phase.weights(0.0)}
        traced = step.get_concrete_function(batch, weights)  # type: ignore[attr-defined]
        share = phase.updates // config.run.steps_per_epoch
        operations += share * count_operations(traced)
        steps += [(step, batch, weights)] * share

    def run() -> None:
        for step, batch, weights in steps:
            scalars = step(batch, weights)
        tf.nest.flatten(scalars)[0].numpy()

    return run, operations


def _noise(config: Config) -> Feed:
    generator = np.random.default_rng(0)
    descriptor = descriptor_of(config.data.dataset)
    channels = descriptor.image_channels
    normalisation = Normalisation((128.0,) * channels, (64.0,) * channels)
    makers = []
    for data in (config.data, config.target_data() if config.target.dataset else config.data):
        images = generator.integers(0, 256, (4, *data.crop_size, channels), np.uint8)
        labels = generator.integers(0, descriptor.num_classes, (4, *data.crop_size), np.uint8)
        examples = Examples(tuple("abcd"), tuple(images), tuple(labels))
        makers.append(window_maker(examples, data, normalisation, seed=0))
    run, shares = config.run, (1 / descriptor.num_classes,) * descriptor.num_classes
    return Feed(
        *makers,
        config.windows_per_update,
        run.steps_per_epoch,
        run.seed,
        normalisation,
        config.unlabelled_per_update,
        Masks(makers[0], shares) if config.method.uses_masks else None,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
