"""A whole run: data, networks, training, what it measures and what it leaves.

The one place that puts the rooms of the house together; `scripts/train.py` calls `run_experiment`.
"""

from pathlib import Path

import tensorflow as tf

from tfadvseg import atomic, model_spec
from tfadvseg.checkpoints import restore_newest
from tfadvseg.config import Config
from tfadvseg.data.examples import channel_statistics, check_window, fingerprint
from tfadvseg.data.sources import load_splits
from tfadvseg.errors import UserError
from tfadvseg.methods.phases import plan_epoch
from tfadvseg.model_spec import ModelSpec
from tfadvseg.run_output import Result, RunOutput
from tfadvseg.training.distribution import check_batch_size, choose_precision, choose_strategy
from tfadvseg.training.loop import run_updates
from tfadvseg.training.state import build_state

RUN_FLAGS = "run.flags"


def prepare_machine(config: Config) -> tf.distribute.Strategy:
    """Sets precision, seeds and determinism for this process.

    Raises:
        UserError: the replicas cannot share a batch, or XLA does not fit.
    """
    if config.run.deterministic:
        tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(config.run.seed)
    tf.keras.mixed_precision.set_global_policy(choose_precision(config.run.precision))
    strategy = choose_strategy(config.run.strategy)
    check_batch_size(config.run.global_batch_size, strategy)
    if config.run.xla and strategy.num_replicas_in_sync > 1:
        raise UserError("--xla: works with one replica only; leave it out or --strategy=default.")
    return strategy


def run_experiment(config: Config, flags_text: str) -> Result:
    """Trains, or continues training, and writes everything that a run leaves.

    Args:
        config: the run.
        flags_text: the same as a flagfile, to be left as `run.flags`.

    Raises:
        UserError: the data, the flags or the output directory do not allow it; nothing is
            written then. Or training diverged: the last checkpoint is intact.
        training.loop.Stopped: a signal came; the state was saved.
    """
    strategy = prepare_machine(config)
    splits = load_splits(config.data, config.run.seed)
    for examples in (splits.train, splits.val):
        check_window(examples, config.data.crop_size)
    mean, std = channel_statistics(splits.train)
    spec = ModelSpec(
        segmenter=config.segmenter.architecture(),
        class_names=splits.descriptor.class_names,
        palette=splits.descriptor.palette,
        image_channels=splits.descriptor.image_channels,
        mean=tuple(float(value) for value in mean),
        std=tuple(float(value) for value in std),
        foreground_class=splits.descriptor.foreground_class,
        dataset=splits.descriptor.name,
        crop_size=config.data.crop_size,
        data_fingerprint=fingerprint(splits.train, splits.val),
    )
    output = Path(config.run.output_dir)
    with strategy.scope():
        state = build_state(config, splits.descriptor)
    _start_output(output, spec, flags_text)
    run = RunOutput(config, splits, spec, state, strategy, output)
    restore_newest(run.checkpoint, output / "checkpoints")
    phases = plan_epoch(config, state)
    total = config.run.epochs * sum(phase.updates for phase in phases)
    if int(state.step) >= total and (earlier := run.earlier_result()):
        return earlier
    run.start_logging()
    try:
        run_updates(config, phases, strategy, state.step, run.log, run)
    finally:
        run.tensorboard.finish_stretch()
    return run.finish()


def _start_output(output: Path, spec: ModelSpec, flags_text: str) -> None:
    """Makes the output directory, or checks that the one there was trained on the same data."""
    earlier = ModelSpec.load(output) if (output / model_spec.FILE_NAME).exists() else spec
    if earlier.data_fingerprint != spec.data_fingerprint:
        raise UserError(
            f"--output_dir={output}: this run was trained on other data; the files have changed "
            "since. Give another --output_dir."
        )
    try:
        atomic.write_text(output / model_spec.FILE_NAME, spec.to_json())
        atomic.write_text(output / RUN_FLAGS, flags_text)
    except OSError as error:
        raise UserError(f"--output_dir={output}: cannot write there ({error.strerror}).") from None
