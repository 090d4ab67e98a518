"""Files that a run writes to its output folder during training."""

import functools
import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadvseg.config import LAST, Config
from tfadvseg.errors import UserError
from tfadvseg.evaluation.label_metrics import label_metrics
from tfadvseg.files import atomic
from tfadvseg.files.checkpoints import (
    check_finite_weights,
    checkpoint_paths,
    remove_checkpoint,
    save_checkpoint,
)
from tfadvseg.files.model_spec import FILE_NAME
from tfadvseg.flags.flagfile import flag_values
from tfadvseg.methods.method import Training
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.reporting.class_curves import class_curves_figure
from tfadvseg.reporting.curves import metrics_figure
from tfadvseg.reporting.samples import samples_figure
from tfadvseg.reporting.tensorboard import TensorBoardLog
from tfadvseg.run.inputs import RunInputs
from tfadvseg.run.networks import Networks
from tfadvseg.run.pictures import draw_picture
from tfadvseg.training.history import RunLog, csv_text
from tfadvseg.training.types import Metrics
from tfadvseg.training.validation import make_validator

_LOSSES = ("loss_seg",)
"""Validation metrics that are better when lower."""

_OF_TRAINING = ("accuracy", "miou", "f1_", "iou_")
"""Prefixes of the metrics computed on the training sample, in addition to `--best_metric`."""


class RunOutput:
    """Hooks that the training loop calls (`training.loop.Hooks`)."""

    def __init__(
        self,
        config: Config,
        output: Path,
        inputs: RunInputs,
        networks: Networks,
        training: Training,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Prepares metrics and checkpoints; writes nothing.

        Args:
            config: configuration of the run, with the options that depend on examples filled in.
            output: the run's folder.
            inputs: the pipelines.
            networks: the networks, their method, loss and spec.
            training: what the method's phases are made from.
            strategy: distribution strategy of the run.
        """
        self.config = config
        self.output = output
        self.inputs = inputs
        self.networks = networks
        self.training = training
        self.strategy = strategy
        self.phases = networks.method.phases(training)
        self.spec = networks.spec
        self.methods = config.method.methods_by_network()
        if own := self.spec.own_parts.get("method"):
            self.methods["segmenter"] = own
        self.state = networks.state
        self.log = RunLog()
        learners = self.state.learners
        self.checkpoint = tf.train.Checkpoint(step=self.state.step, log=self.log, **learners)
        self.models = {name: learner.model for name, learner in learners.items()}
        self.validate = make_validator(
            self.state,
            strategy,
            self.spec.class_names,
            functools.partial(networks.method.validation_maps, config),
            networks.terms,
            gan=config.method.gan,
            metrics=label_metrics(self.spec.darkfield_accuracy, whole=not config.data.val_windows),
        )

    @property
    def update(self) -> int:
        """Number of updates so far."""
        return int(self.state.step.numpy())

    @property
    def planned_updates(self) -> int:
        """Number of updates if the run is not stopped early."""
        return self.config.run.epochs * sum(phase.updates for phase in self.phases)

    def is_finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.update >= self.planned_updates or self.is_over(self.update)

    def start_logging(self) -> None:
        self.tensorboard = TensorBoardLog(self.output / "tensorboard", self.update)
        if not self.update:
            self.tensorboard.hyperparameters(flag_values(self.config))

    def end_window(self, update: int, means: Metrics) -> None:
        self.tensorboard.scalars({f"train/{name}": value for name, value in means.items()}, update)

    def end_epoch(self, epoch: int, update: int, train: Metrics, weights: Metrics) -> str:
        check_still_there(self.output)
        check_finite_weights(self.models, update)
        validation = self.validate(self.inputs.validation)
        on_training = self._evaluate_training_sample()
        train = train | on_training
        row: Metrics = {"epoch": epoch + 1, "update": update} | weights
        row |= {f"train/{name}": value for name, value in train.items()} | validation
        self.log.rows.append(row)
        self.tensorboard.scalars(validation, update)
        self.tensorboard.scalars({f"train/{n}": v for n, v in on_training.items()}, update)
        self.tensorboard.weights(self.models, update)
        self._keep_best(validation, update)
        atomic.write_text(self.output / "metrics.csv", csv_text(self.log.rows))
        plots = self.output / "plots"
        kept = self._kept_epochs()
        metrics_figure(
            self.log.rows,
            plots / "metrics.png",
            kept,
            self.config.run.best_metric,
            self.methods,
        )
        self._draw_samples(plots / f"samples_epoch_{epoch + 1:03d}.png")
        to_pixels = self.inputs.normalisation.inverse
        for picture in self.networks.method.pictures(self.training, to_pixels):
            path = plots / f"{picture.name}_epoch_{epoch + 1:03d}.png"
            draw_picture(picture, self.spec, self.methods, path)
        if len(self.spec.class_names) > 2:
            class_curves_figure(
                self.log.rows, self.spec.class_names, plots / "classes.png", kept, self.methods
            )
        metrics = dict.fromkeys((self.config.run.best_metric, "miou", "accuracy"))
        metrics.pop(LAST, None)
        by_network = [
            f"{name}: " + ", ".join(f"{m} {validation[f'val/{name}/{m}']:.4f}" for m in metrics)
            for name in self.state.segmenters()
        ]
        return f"epoch {epoch + 1}, validation: " + "; ".join(by_network)

    def save(self, update: int) -> None:
        check_still_there(self.output)
        check_finite_weights(self.models, update)
        self.tensorboard.finish_stretch()
        save_checkpoint(
            self.checkpoint, self.output / "checkpoints", update, self.config.run.keep_checkpoints
        )
        self.tensorboard.start_stretch(update)
        # Older best weights are removed last: until the new checkpoint is complete, the previous
        # one refers to them.
        for name, best in self.log.best.items():
            for path in checkpoint_paths(self.output / "best", name):
                if path.rpartition("-")[2] != str(int(best["update"])):
                    remove_checkpoint(path)

    def is_over(self, update: int) -> bool:
        """Whether no network has improved within `--patience` epochs."""
        patience, epochs = self.config.run.patience, len(self.log.rows)
        if not patience or not epochs:
            return False
        updates_per_epoch = update / epochs
        best = max(best["update"] for best in self.log.best.values())
        return update - best >= patience * updates_per_epoch

    def _evaluate_training_sample(self) -> Metrics:
        """Metrics on the training sample, without augmentation, with the validated weights."""
        if self.inputs.training_sample is None:
            return {}
        best_metric = self.config.run.best_metric
        # The column loss_seg already holds the mean loss of the epoch's updates.
        prefixes = _OF_TRAINING if best_metric == "loss_seg" else (*_OF_TRAINING, best_metric)
        metrics = {
            name.removeprefix("val/"): value
            for name, value in self.validate(self.inputs.training_sample).items()
        }
        return {
            name: value
            for name, value in metrics.items()
            if name.split("/")[-1].startswith(prefixes) and not name.startswith("d/")
        }

    def _kept_epochs(self) -> dict[str, int]:
        """The best epoch of each network; empty with `--best_metric=last`."""
        if self.config.run.best_metric == LAST:
            return {}
        epochs = {row["update"]: int(row["epoch"]) for row in self.log.rows}
        return {name: epochs[best["update"]] for name, best in self.log.best.items()}

    def _keep_best(self, validation: Metrics, update: int) -> None:
        metric = self.config.run.best_metric
        for name, learner in self.state.segmenters().items():
            value = update if metric == LAST else validation[f"val/{name}/{metric}"]
            before = self.log.best.get(name)
            if before is not None and not _score(metric, value) > _score(metric, before[metric]):
                continue
            self.log.best[name] = {metric: value, "update": update}
            save_checkpoint(
                tf.train.Checkpoint(model=learner.evaluated),
                self.output / "best",
                update,
                keep=2,
                prefix=name,
            )

    def _draw_samples(self, path: Path) -> None:
        images, labels = [], []
        predictions: dict[str, list[np.ndarray]] = {name: [] for name in self.state.segmenters()}
        for batch in self.inputs.samples:
            real = batch["weight"] > 0
            images.append(self.inputs.normalisation.inverse(batch["image"])[real].numpy())
            labels.append(batch["label"][real].numpy())
            for name, learner in self.state.segmenters().items():
                maps = class_probabilities(learner.evaluated(batch["image"], training=False))
                predictions[name].append(maps[real].numpy())
        samples_figure(
            np.concatenate(images),
            np.concatenate(labels),
            {name: np.concatenate(maps) for name, maps in predictions.items()},
            self.spec.palette,
            self.spec.class_names,
            path,
            methods=self.methods,
        )


def check_still_there(output: Path) -> None:
    """Refuses to go on writing a run whose folder was removed or emptied since it began.

    Raises:
        UserError: naming the folder.
    """
    if not (output / FILE_NAME).is_file():
        raise UserError(
            f"--output_dir={output}: was removed or emptied while the run trained; training "
            "stopped. Repeat the command to begin again."
        )


def _score(metric: str, value: float) -> float:
    """A score that is better when higher; NaN scores lowest."""
    if math.isnan(value):
        return -math.inf
    return -value if metric in _LOSSES else value
