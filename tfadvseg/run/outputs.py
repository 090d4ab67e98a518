"""What a run leaves in its output directory while it trains."""

import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadvseg.config import LAST, Config, piecewise_value
from tfadvseg.data.examples import Examples
from tfadvseg.data.sources import Splits
from tfadvseg.files import atomic
from tfadvseg.files.checkpoints import (
    check_finite_weights,
    checkpoint_paths,
    remove_checkpoint,
    save_checkpoint,
)
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.reporting.class_curves import class_curves_figure
from tfadvseg.reporting.curves import metrics_figure
from tfadvseg.reporting.samples import samples_figure
from tfadvseg.reporting.tensorboard import TensorBoardLog
from tfadvseg.run.domain_pictures import SOURCE_SAMPLES, draw_patch_maps, draw_source_samples
from tfadvseg.run.inputs import RunInput
from tfadvseg.training.history import RunLog, csv_text
from tfadvseg.training.state import TrainState
from tfadvseg.training.types import Metrics, Phase
from tfadvseg.training.validation import make_validator

_LOSSES = ("loss_seg",)
"""Validation metrics of which less is better."""

_OF_TRAINING = ("accuracy", "miou", "f1_", "iou_")
"""What the names of metrics begin with that the training sample is measured by, and the metric that
tells the best epoch."""


class RunOutput:
    """The hooks that the loop calls (`training.loop.Hooks`)."""

    def __init__(
        self,
        config: Config,
        splits: Splits,
        spec: ModelSpec,
        state: TrainState,
        strategy: tf.distribute.Strategy,
        terms: SegmentationTerms,
        output: Path,
        target: Examples | None = None,
    ) -> None:
        """Prepares pipelines, metrics and checkpoints; writes nothing.

        Args:
            config, splits, spec, state, strategy: of the run.
            terms: of the segmentation loss.
            output: where everything goes.
            target: images to adapt to, if there are any.
        """
        self.config = config
        self.spec = spec
        self.state = state
        self.output = output
        self.log = RunLog()
        networks = state.learners()
        self.checkpoint = tf.train.Checkpoint(step=state.step, log=self.log, **networks)
        self.models = {name: learner.model for name, learner in networks.items()}
        self.input = RunInput(config, splits, spec, strategy.num_replicas_in_sync, target)
        shown = None if config.method.adapts else config.discriminator
        self.validate = make_validator(
            state,
            strategy,
            splits.descriptor.class_names,
            shown,
            terms,
            darkfield=spec.darkfield_accuracy and not config.data.val_windows,
        )

    def start_logging(self) -> None:
        self.tensorboard = TensorBoardLog(self.output / "tensorboard", int(self.state.step.numpy()))

    def batches(self, phase: Phase, epoch: int, first: int) -> tf.data.Dataset:
        return self.input.batches(phase, epoch, first)

    def end_window(self, update: int, means: Metrics) -> None:
        self.tensorboard.scalars({f"train/{name}": value for name, value in means.items()}, update)

    def end_epoch(self, epoch: int, update: int, train: Metrics) -> str:
        check_finite_weights(self.models, update)
        measured = self.validate(self.input.validation)
        fitted = self._measure_training()
        train = train | fitted
        row: Metrics = {"epoch": epoch + 1, "update": update}
        if self.state.discriminator is not None or self.state.aux_discriminator is not None:
            row["lambda_adv"] = piecewise_value(self.config.method.lambda_adv, epoch)
        row |= {f"train/{name}": value for name, value in train.items()} | measured
        self.log.rows.append(row)
        self.tensorboard.scalars(measured, update)
        self.tensorboard.scalars({f"train/{n}": v for n, v in fitted.items()}, update)
        self.tensorboard.weights(self.models, update)
        self._keep_best(measured, update)
        atomic.write_text(self.output / "metrics.csv", csv_text(self.log.rows))
        plots = self.output / "plots"
        kept = self._kept_epochs()
        metrics_figure(self.log.rows, plots / "metrics.png", kept, self.config.run.best_metric)
        self._draw_samples(plots / f"samples_epoch_{epoch + 1:03d}.png")
        if self.config.method.adapts:
            self._draw_domains(epoch + 1)
        if len(self.spec.class_names) > 2:
            class_curves_figure(self.log.rows, self.spec.class_names, plots / "classes.png", kept)
        metrics = dict.fromkeys((self.config.run.best_metric, "miou", "accuracy"))
        metrics.pop(LAST, None)
        shown = [
            f"{name}: " + ", ".join(f"{m} {measured[f'val/{name}/{m}']:.4f}" for m in metrics)
            for name in self.state.segmenters()
        ]
        return f"epoch {epoch + 1}, validation: " + "; ".join(shown)

    def save(self, update: int) -> None:
        check_finite_weights(self.models, update)
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

    def is_over(self, update: int) -> bool:
        """Whether no network has become better within `--patience`."""
        patience, epochs = self.config.run.patience, len(self.log.rows)
        if not patience or not epochs:
            return False
        updates_per_epoch = update / epochs
        best = max(best["update"] for best in self.log.best.values())
        return update - best >= patience * updates_per_epoch

    def _measure_training(self) -> Metrics:
        """Metrics of the training sample, unaugmented and with the weights that are validated."""
        if self.input.training_sample is None:
            return {}
        best_metric = self.config.run.best_metric
        # The loss of the epoch's updates stands in the same column.
        compared = _OF_TRAINING if best_metric == "loss_seg" else (*_OF_TRAINING, best_metric)
        measured = {
            name.removeprefix("val/"): value
            for name, value in self.validate(self.input.training_sample).items()
        }
        return {
            name: value
            for name, value in measured.items()
            if name.split("/")[-1].startswith(compared) and not name.startswith("d/")
        }

    def _kept_epochs(self) -> dict[str, int]:
        """Which epoch of each network is kept as its best, where a metric tells."""
        if self.config.run.best_metric == LAST:
            return {}
        epochs = {row["update"]: int(row["epoch"]) for row in self.log.rows}
        return {name: epochs[best["update"]] for name, best in self.log.best.items()}

    def _keep_best(self, measured: Metrics, update: int) -> None:
        metric = self.config.run.best_metric
        for name, learner in self.state.segmenters().items():
            value = update if metric == LAST else measured[f"val/{name}/{metric}"]
            before = self.log.best.get(name)
            if before is not None and not _score(metric, value) > _score(metric, before[metric]):
                continue
            self.log.best[name] = {metric: value, "update": update}
            save_checkpoint(
                tf.train.Checkpoint(model=learner.measured),
                self.output / "best",
                update,
                keep=2,
                prefix=name,
            )

    def _draw_samples(self, path: Path) -> None:
        images, labels = [], []
        predictions: dict[str, list[np.ndarray]] = {name: [] for name in self.state.segmenters()}
        for batch in self.input.samples:
            real = batch["weight"] > 0
            images.append(self.input.normalisation.inverse(batch["image"])[real].numpy())
            labels.append(batch["label"][real].numpy())
            for name, learner in self.state.segmenters().items():
                maps = class_probabilities(learner.measured(batch["image"], training=False))
                predictions[name].append(maps[real].numpy())
        samples_figure(
            np.concatenate(images),
            np.concatenate(labels),
            {name: np.concatenate(maps) for name, maps in predictions.items()},
            self.spec.palette,
            self.spec.class_names,
            path,
        )

    def _draw_domains(self, epoch: int) -> None:
        """S's and D's answers on the very first windows, the same after every epoch."""
        plots = self.output / "plots"
        (batch,) = self.input.first_windows(SOURCE_SAMPLES)
        draw_source_samples(
            self.state,
            self.input.normalisation,
            batch,
            self.spec,
            plots / f"source_epoch_{epoch:03d}.png",
        )
        draw_patch_maps(
            self.state,
            self.input.normalisation,
            batch,
            batch,
            self.spec,
            self.config.method.gan,
            plots / f"patches_epoch_{epoch:03d}.png",
        )


def _score(metric: str, value: float) -> float:
    """The greater, the better; a metric of nothing is worse than any."""
    if math.isnan(value):
        return -math.inf
    return -value if metric in _LOSSES else value
