"""What a run leaves in its output directory, written as it goes and when it ends."""

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
from absl import logging

from tfadvseg import atomic
from tfadvseg.checkpoints import (
    check_finite_weights,
    checkpoint_paths,
    remove_checkpoint,
    restore_newest,
    save_checkpoint,
)
from tfadvseg.config import LAST, Config, LossConfig, piecewise_value
from tfadvseg.data.examples import Examples
from tfadvseg.data.pipeline import (
    BoundaryMaps,
    Normalisation,
    WindowMaker,
    domain_windows,
    fixed_windows,
    mixed_windows,
    training_windows,
    whole_images,
    window_maker,
)
from tfadvseg.data.sources import Splits, has_labelled_target
from tfadvseg.domain_pictures import SOURCE_SAMPLES, draw_patch_maps, draw_source_samples
from tfadvseg.errors import UserError
from tfadvseg.evaluation.report import Evaluation, evaluate_sections
from tfadvseg.export.run_model import predictor_of
from tfadvseg.export.saved_model import export_saved_model, in_float32
from tfadvseg.losses.boundary import boundary_weights
from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.model_spec import ModelSpec
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.prediction import predict_label
from tfadvseg.reporting.figures import (
    class_curves_figure,
    confusion_figure,
    metrics_figure,
    overlays_figure,
    samples_figure,
)
from tfadvseg.reporting.tensorboard import TensorBoardLog
from tfadvseg.training.history import RunLog, csv_text
from tfadvseg.training.memory import peak_memory_bytes
from tfadvseg.training.state import TrainState
from tfadvseg.training.types import Phase
from tfadvseg.training.validation import make_validator

_TARGET_SEED = 2**20
"""Added to the run's seed, so that the target's windows are other draws than the source's."""

_LOSSES = ("loss_seg",)
"""Validation metrics of which less is better."""

SAMPLES = 10
OVERLAYS = 6
TILE = 1024
SUMMARY = "summary.json"

Metrics = dict[str, float]


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes:
        networks: metrics on the whole validation images, by network; `<network> best` is its
            checkpoint that was best on the validation windows, where a metric tells.
        made: what was written, by what it is.
        notices: what was said about D's health.
        seconds: spent training, over all sittings.
        images_per_second: training windows, each counted once however often it was used.
        peak_memory_mib: the most that it used at once, in the device's memory or the host's.
        finished_before: the run had ended before this call, which did nothing.
    """

    networks: dict[str, Metrics]
    made: dict[str, str]
    notices: Sequence[str]
    seconds: float
    images_per_second: float
    peak_memory_mib: int
    finished_before: bool = False


class RunOutput:
    """The hooks that the loop calls (`training.loop.Hooks`), and what happens when it ends."""

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
        self.splits = splits
        self.spec = spec
        self.state = state
        self.output = output
        self.log = RunLog()
        networks = state.learners()
        self.checkpoint = tf.train.Checkpoint(step=state.step, log=self.log, **networks)
        self.models = {name: learner.model for name, learner in networks.items()}
        self.normalisation = Normalisation(spec.mean, spec.std, spec.channel_order)
        boundaries = boundary_maps(config.loss, splits.train)
        self.window = window_maker(
            splits.train, config.data, self.normalisation, config.run.seed, boundaries
        )
        self.target_window: WindowMaker | None = None
        if target is not None:
            self.target_window = window_maker(
                target, config.target_data(), self.normalisation, config.run.seed + _TARGET_SEED
            )
        shown = config.discriminator if config.method.uses_discriminator else None
        self.validate = make_validator(state, strategy, splits.descriptor.class_names, shown, terms)
        boundaries = boundary_maps(config.loss, splits.val)
        if config.data.val_windows:
            self.validation = self._fixed_windows(config.data.val_windows, boundaries)
        else:
            self.validation = whole_images(
                splits.val, self.normalisation, strategy.num_replicas_in_sync, boundaries
            )

    def _fixed_windows(self, count: int, boundaries: BoundaryMaps | None = None) -> tf.data.Dataset:
        config = self.config
        of_target = has_labelled_target(config)
        return fixed_windows(
            self.splits.val,
            config.target.crop_size if of_target else config.data.crop_size,
            self.normalisation,
            config.run.global_batch_size,
            count,
            config.run.seed,
            boundaries,
        )

    def start_logging(self) -> None:
        self.tensorboard = TensorBoardLog(self.output / "tensorboard", int(self.state.step.numpy()))

    def batches(self, phase: Phase, epoch: int, first: int) -> tf.data.Dataset:
        run = self.config.run
        start = epoch * run.steps_per_epoch
        end = start + run.steps_per_epoch
        size = run.global_batch_size
        match phase.batches:
            case "windows":
                return training_windows(self.window, size, start + first, end)
            case "domains":
                size *= self.config.method.iter_size
                return domain_windows(self.window, self.target_window, size, start + first, end)
            case "mixed":
                windows = run.steps_per_epoch * size
                return mixed_windows(self.window, size, run.seed, start * size, windows, first)

    def end_window(self, update: int, means: Metrics) -> None:
        self.tensorboard.scalars({f"train/{name}": value for name, value in means.items()}, update)

    def end_epoch(self, epoch: int, update: int, train: Metrics) -> str:
        check_finite_weights(self.models)
        measured = self.validate(self.validation)
        row: Metrics = {"epoch": epoch + 1, "update": update}
        if self.state.discriminator is not None or self.state.aux_discriminator is not None:
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
        if self.config.method.adapts:
            self._draw_domains(epoch + 1)
        if len(self.spec.class_names) > 2:
            class_curves_figure(self.log.rows, self.spec.class_names, plots / "classes.png")
        metrics = dict.fromkeys((self.config.run.best_metric, "miou", "accuracy"))
        metrics.pop(LAST, None)
        shown = [
            f"{name}: " + ", ".join(f"{m} {measured[f'val/{name}/{m}']:.4f}" for m in metrics)
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

    def is_over(self, update: int) -> bool:
        """Whether no network has become better within `--patience`."""
        patience, epochs = self.config.run.patience, len(self.log.rows)
        if not patience or not epochs:
            return False
        updates_per_epoch = update / epochs
        best = max(best["update"] for best in self.log.best.values())
        return update - best >= patience * updates_per_epoch

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
        for batch in self._fixed_windows(SAMPLES):
            real = batch["weight"] > 0
            images.append(self.normalisation.inverse(batch["image"])[real].numpy())
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
        (batch,) = domain_windows(self.window, self.target_window, SOURCE_SAMPLES, 0, 1)
        draw_source_samples(
            self.state,
            self.normalisation,
            batch,
            self.spec,
            plots / f"source_epoch_{epoch:03d}.png",
        )
        draw_patch_maps(
            self.state,
            self.normalisation,
            batch,
            batch,
            self.spec,
            self.config.method.gan,
            plots / f"patches_epoch_{epoch:03d}.png",
        )

    def finish(self) -> Result:
        """Measures on whole images, exports, and writes the summary."""
        config, log = self.config, self.log
        networks: dict[str, Metrics] = {}
        exported: Path | None = None
        for name, learner in self.state.segmenters().items():
            # In float32, as exports are: what is measured is what is served.
            model = in_float32(learner.measured, self.spec)
            best = self._measure(model)
            networks[name] = best.metrics
            if config.run.best_metric != LAST and self._restore_best(model, name):
                best = self._measure(model)
                networks[f"{name} best"] = best.metrics
            if len(self.spec.class_names) > 2:
                confusion_figure(
                    best.confusion,
                    self.spec.class_names,
                    self.output / "plots" / f"confusion_{name}.png",
                )
            if name == "segmenter":
                self._draw_overlays(model)
            if name == "segmenter" and config.run.export:
                exported = export_saved_model(model, self.spec, self.output / "export")
        updates = len(log.rows) * config.run.steps_per_epoch
        windows = updates * config.run.global_batch_size * config.method.iter_size
        rate = windows / log.seconds if log.seconds else 0.0
        summary = {
            # A class that is nowhere has no score; JSON knows no NaN.
            "networks": {network: _without_nan(metrics) for network, metrics in networks.items()},
            "best": {network: _without_nan(best) for network, best in log.best.items()},
            "updates": int(self.state.step.numpy()),
            "seconds": round(log.seconds, 1),
            "images_per_second": round(rate, 2),
            "peak_memory_mib": round(peak_memory_bytes() / 2**20),
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

    def _restore_best(self, model: tf.keras.Model, name: str) -> bool:
        """Whether a network's best checkpoint could be restored; else its last weights stay."""
        last = model.get_weights()
        try:
            found = restore_newest(
                tf.train.Checkpoint(model=model), self.output / "best", prefix=name
            )
        except UserError as error:
            found = None
            logging.warning("%s", error)
            model.set_weights(last)  # a damaged file may have been read in part
        if found is None:
            logging.warning("%s: its best checkpoint is lost; the last weights are taken.", name)
        return found is not None

    def earlier_result(self) -> Result | None:
        """What `finish` came to when all updates so far were done, if it did."""
        try:
            summary = json.loads((self.output / SUMMARY).read_text())
        except FileNotFoundError:
            return None
        if summary["updates"] != int(self.state.step.numpy()):
            return None
        return dataclasses.replace(self._result(summary), finished_before=True)

    def _result(self, summary: dict) -> Result:
        samples = sorted((self.output / "plots").glob("samples_epoch_*.png"))
        made = {
            "metrics": self.output / "metrics.csv",
            "curves": self.output / "plots" / "metrics.png",
            "samples": samples[-1],
            "overlays": self.output / "plots" / "overlays.png",
            "summary": self.output / SUMMARY,
        }
        for kind in ("source", "patches"):
            if drawn := sorted((self.output / "plots").glob(f"{kind}_epoch_*.png")):
                made[kind] = drawn[-1]
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
            peak_memory_mib=summary["peak_memory_mib"],
        )

    def _draw_overlays(self, model: tf.keras.Model) -> None:
        val, predictor = self._whole_images(), predictor_of(model, self.spec)
        images = val.images[:OVERLAYS]
        overlays_figure(
            images,
            (val.labels or ())[:OVERLAYS],
            [predict_label(predictor, image, TILE) for image in images],
            self.spec.palette,
            self.spec.class_names,
            self.output / "plots" / "overlays.png",
            val.keys[:OVERLAYS],
        )

    def _measure(self, model: tf.keras.Model) -> Evaluation:
        return evaluate_sections(predictor_of(model, self.spec), self._whole_images())

    def _whole_images(self) -> Examples:
        return self.splits.full_val or self.splits.val


def _without_nan(metrics: Metrics) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in metrics.items()}


def _score(metric: str, value: float) -> float:
    """The greater, the better; a metric of nothing is worse than any."""
    if math.isnan(value):
        return -math.inf
    return -value if metric in _LOSSES else value


def boundary_maps(config: LossConfig, examples: Examples) -> BoundaryMaps | None:
    """The boundary weights of whole images, where the loss has them."""
    if not config.boundary_weight:
        return None
    unit = config.boundary_weight / 255
    levels = [
        np.rint(
            boundary_weights(label, w0=config.boundary_weight, sigma=config.boundary_sigma) / unit
        ).astype(np.uint8)
        for label in examples.labels or ()
    ]
    return BoundaryMaps(tuple(levels), unit)
