"""A whole run: data, networks, training, what it measures and what it leaves.

The one place that puts the rooms of the house together; `scripts/train.py` calls `run_experiment`.
"""

import dataclasses
import json
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadvseg import atomic, model_spec
from tfadvseg.checkpoints import (
    check_finite_weights,
    checkpoint_paths,
    remove_checkpoint,
    restore_newest,
    save_checkpoint,
)
from tfadvseg.config import Config, piecewise_value
from tfadvseg.data.examples import channel_statistics, check_window, fingerprint
from tfadvseg.data.pipeline import (
    Normalisation,
    fixed_windows,
    mixed_windows,
    training_windows,
    whole_images,
)
from tfadvseg.data.sources import Splits, load_splits
from tfadvseg.errors import UserError
from tfadvseg.evaluation.report import evaluate_sections
from tfadvseg.export.run_model import predictor_of
from tfadvseg.export.saved_model import export_saved_model, in_float32
from tfadvseg.methods.phases import Phase, plan_epoch
from tfadvseg.model_spec import ModelSpec
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.reporting.figures import metrics_figure, samples_figure
from tfadvseg.reporting.tensorboard import TensorBoardLog
from tfadvseg.training.distribution import check_batch_size, choose_precision, choose_strategy
from tfadvseg.training.history import RunLog, csv_text
from tfadvseg.training.loop import run_updates
from tfadvseg.training.state import TrainState, build_state
from tfadvseg.training.validation import make_validator

BEST_METRIC = "miou"
SAMPLES = 10
RUN_FLAGS = "run.flags"
SUMMARY = "summary.json"

Metrics = dict[str, float]


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes:
        networks: metrics on the whole validation images, by network; `<network> best` is its
            checkpoint that was best on the validation windows.
        made: what was written, by what it is.
        notices: what was said about D's health.
        seconds: spent training, over all sittings.
        images_per_second: training windows, each counted once however often it was used.
        finished_before: the run had ended before this call, which did nothing.
    """

    networks: dict[str, Metrics]
    made: dict[str, str]
    notices: Sequence[str]
    seconds: float
    images_per_second: float
    finished_before: bool = False


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
        segmenter=config.segmenter,
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
    _start_output(output, spec, flags_text)
    with strategy.scope():
        state = build_state(config, splits.descriptor)
    run = _Run(config, splits, spec, state, strategy, output)
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


class _Run:
    """One run under way: the hooks that the loop calls, and what happens when it ends."""

    def __init__(
        self,
        config: Config,
        splits: Splits,
        spec: ModelSpec,
        state: TrainState,
        strategy: tf.distribute.Strategy,
        output: Path,
    ) -> None:
        self.config = config
        self.splits = splits
        self.spec = spec
        self.state = state
        self.output = output
        self.log = RunLog()
        networks = state.segmenters()
        if state.discriminator is not None:
            networks["discriminator"] = state.discriminator
        self.checkpoint = tf.train.Checkpoint(step=state.step, log=self.log, **networks)
        self.models = {name: learner.model for name, learner in networks.items()}
        self.normalisation = Normalisation(spec.mean, spec.std)
        self.validate = make_validator(
            state, strategy, splits.descriptor.class_names, config.discriminator
        )
        if config.data.val_windows:
            self.validation = self._fixed_windows(config.data.val_windows)
        else:
            self.validation = whole_images(
                splits.val, self.normalisation, strategy.num_replicas_in_sync
            )

    def _fixed_windows(self, count: int) -> tf.data.Dataset:
        return fixed_windows(
            self.splits.val,
            self.config.data.crop_size,
            self.normalisation,
            self.config.run.global_batch_size,
            count,
            self.config.run.seed,
        )

    def start_logging(self) -> None:
        self.tensorboard = TensorBoardLog(self.output / "tensorboard", int(self.state.step))

    def batches(self, phase: Phase, epoch: int, first: int) -> tf.data.Dataset:
        run = self.config.run
        start = epoch * run.steps_per_epoch
        common = (self.splits.train, self.config.data, self.normalisation)
        match phase.batches:
            case "windows":
                return training_windows(
                    *common,
                    run.global_batch_size,
                    run.seed,
                    start + first,
                    start + run.steps_per_epoch,
                )
            case "mixed":
                return mixed_windows(
                    *common,
                    run.global_batch_size,
                    run.seed,
                    start * run.global_batch_size,
                    run.steps_per_epoch * run.global_batch_size,
                    first,
                )

    def end_window(self, update: int, means: Metrics) -> None:
        self.tensorboard.scalars({f"train/{name}": value for name, value in means.items()}, update)

    def end_epoch(self, epoch: int, update: int, train: Metrics) -> str:
        measured = self.validate(self.validation)
        row: Metrics = {"epoch": epoch + 1, "update": update}
        if self.state.discriminator is not None:
            row["lambda_adv"] = piecewise_value(self.config.method.lambda_adv, epoch)
        row |= {f"train/{name}": value for name, value in train.items()} | measured
        self.log.rows.append(row)
        self.tensorboard.scalars(measured, update)
        self.tensorboard.weights(self.models, update)
        self._keep_best(measured, update)
        atomic.write_text(self.output / "metrics.csv", csv_text(self.log.rows))
        plots = self.output / "plots"
        metrics_figure(self.log.rows, plots / "metrics.png")
        self._draw_samples(plots / f"samples_epoch_{epoch + 1:03d}.png")
        shown = [
            f"{name}: {BEST_METRIC} {measured[f'val/{name}/{BEST_METRIC}']:.4f}, "
            f"accuracy {measured[f'val/{name}/accuracy']:.4f}"
            for name in self.state.segmenters()
        ]
        return f"epoch {epoch + 1}, validation: " + "; ".join(shown)

    def save(self, update: int) -> None:
        check_finite_weights(self.models)
        self.tensorboard.finish_stretch()
        save_checkpoint(
            self.checkpoint, self.output / "checkpoints", update, self.config.run.keep_checkpoints
        )
        self.tensorboard.start_stretch(update)
        # Only now: until the checkpoint that names the new best is whole, an older one names
        # the old.
        for name, best in self.log.best.items():
            for path in checkpoint_paths(self.output / "best", name):
                if path.rpartition("-")[2] != str(int(best["update"])):
                    remove_checkpoint(path)

    def _keep_best(self, measured: Metrics, update: int) -> None:
        for name, learner in self.state.segmenters().items():
            value = measured[f"val/{name}/{BEST_METRIC}"]
            if name in self.log.best and not value > self.log.best[name][BEST_METRIC]:
                continue
            self.log.best[name] = {BEST_METRIC: value, "update": update}
            save_checkpoint(
                tf.train.Checkpoint(model=learner.model),
                self.output / "best",
                update,
                keep=2,
                prefix=name,
            )

    def _draw_samples(self, path: Path) -> None:
        images, labels = [], []
        predictions: dict[str, list[np.ndarray]] = {name: [] for name in self.state.segmenters()}
        for batch in self._fixed_windows(SAMPLES):
            real = batch["weight"] > 0
            raw = batch["image"] * self.spec.std + self.spec.mean
            images.append(tf.cast(tf.round(raw), tf.uint8)[real].numpy())
            labels.append(batch["label"][real].numpy())
            for name, learner in self.state.segmenters().items():
                maps = class_probabilities(learner.model(batch["image"], training=False))
                predictions[name].append(maps[real].numpy())
        samples_figure(
            np.concatenate(images),
            np.concatenate(labels),
            {name: np.concatenate(maps) for name, maps in predictions.items()},
            self.spec.palette,
            self.spec.class_names,
            path,
        )

    def finish(self) -> Result:
        """Measures on whole images, exports, and writes the summary."""
        config, log = self.config, self.log
        networks: dict[str, Metrics] = {}
        exported: Path | None = None
        for name, learner in self.state.segmenters().items():
            # In float32, as exports are: what is measured is what is served.
            model = in_float32(learner.model, self.spec)
            networks[name] = self._measure(model)
            restore_newest(tf.train.Checkpoint(model=model), self.output / "best", prefix=name)
            networks[f"{name} best"] = self._measure(model)
            if name == "segmenter" and config.run.export:
                exported = export_saved_model(model, self.spec, self.output / "export")
        windows = config.run.epochs * config.run.steps_per_epoch * config.run.global_batch_size
        rate = windows / log.seconds if log.seconds else 0.0
        summary = {
            # A class that is nowhere has no score; JSON knows no NaN.
            "networks": {
                network: {name: None if math.isnan(value) else value for name, value in m.items()}
                for network, m in networks.items()
            },
            "best": log.best,
            "updates": int(self.state.step),
            "seconds": round(log.seconds, 1),
            "images_per_second": round(rate, 2),
            "notices": list(log.notices.values()),
            "seed": config.run.seed,
            "precision": tf.keras.mixed_precision.global_policy().name,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("tfadvseg", "tensorflow", "numpy")},
            },
            "export": exported and str(exported.relative_to(self.output)),
        }
        atomic.write_text(self.output / SUMMARY, json.dumps(summary, indent=1) + "\n")
        return self._result(summary)

    def earlier_result(self) -> Result | None:
        """What `finish` came to when all updates so far were done, if it did."""
        try:
            summary = json.loads((self.output / SUMMARY).read_text())
        except FileNotFoundError:
            return None
        if summary["updates"] != int(self.state.step):
            return None
        return dataclasses.replace(self._result(summary), finished_before=True)

    def _result(self, summary: dict) -> Result:
        samples = sorted((self.output / "plots").glob("samples_epoch_*.png"))
        made = {
            "metrics": self.output / "metrics.csv",
            "curves": self.output / "plots" / "metrics.png",
            "samples": samples[-1],
            "summary": self.output / SUMMARY,
        }
        if summary["export"]:
            made["export"] = self.output / summary["export"]
        return Result(
            networks={
                network: {name: math.nan if value is None else value for name, value in m.items()}
                for network, m in summary["networks"].items()
            },
            made={what: str(path) for what, path in made.items()},
            notices=summary["notices"],
            seconds=summary["seconds"],
            images_per_second=summary["images_per_second"],
        )

    def _measure(self, model: tf.keras.Model) -> Metrics:
        return evaluate_sections(predictor_of(model, self.spec), self.splits.val)
