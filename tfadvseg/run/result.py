"""Final evaluation, figures, export and summary of a run."""

import dataclasses
import functools
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from tfadvseg.config import LAST, Config, pixel_size
from tfadvseg.data.examples import Examples, spread
from tfadvseg.data.pictures import as_picture
from tfadvseg.data.sources import Splits
from tfadvseg.errors import UserError
from tfadvseg.evaluation.per_image import write_image_sums
from tfadvseg.evaluation.report import evaluate_sections
from tfadvseg.evaluation.whole_images import predict_label
from tfadvseg.export.networks import OwnSegmenter
from tfadvseg.export.predictor import Predictor
from tfadvseg.export.run_model import predictor_of
from tfadvseg.export.saved_model import (
    export_saved_model,
    find_saved_model,
    in_float32,
)
from tfadvseg.files import atomic
from tfadvseg.files.checkpoints import restore_newest
from tfadvseg.files.image_sums import IMAGE_SUMS
from tfadvseg.files.metrics_text import with_nan, without_nan
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.files.samples import SAMPLES
from tfadvseg.files.text import read_text
from tfadvseg.reporting.confusion_figure import confusion_figure
from tfadvseg.reporting.overlays import overlays_figure
from tfadvseg.reporting.page.render import REPORT, write_page
from tfadvseg.run.kept_samples import KeptSamples
from tfadvseg.run.outputs import check_still_there
from tfadvseg.run.page import run_page
from tfadvseg.training.history import RunLog
from tfadvseg.training.memory import peak_memory_bytes
from tfadvseg.training.state import TrainState
from tfadvseg.training.types import Metrics
from tfadvseg.training.workers import Workers

SUMMARY = "summary.json"
OVERLAYS = 6


@dataclass(frozen=True)
class Result:
    """Result of a run.

    Attributes:
        networks: metrics on whole validation images, by network; `<network> best` is the network's
            checkpoint with the best validation metric, unless `--best_metric=last`.
        made: paths of the files written, by content.
        notices: warnings about D's health.
        seconds: time spent training, summed over restarts.
        wall_seconds: the same with validation, figures, checkpoints and the work after training.
        images_per_second: training windows per second; a window that S and D both use counts once.
        peak_memory_mib: peak memory use of the device or the host in MiB.
        finished_before: whether the run had already ended, so that this call did nothing.
        stopped_early: whether training stopped before the last epoch for lack of improvement.
        worker: of this process, among several that trained together; 0 wrote the results.
    """

    networks: dict[str, Metrics]
    made: dict[str, str]
    notices: Sequence[str]
    seconds: float
    wall_seconds: float
    images_per_second: float
    peak_memory_mib: int
    finished_before: bool = False
    stopped_early: bool = False
    worker: int = 0


def finish_run(
    config: Config,
    spec: ModelSpec,
    splits: Splits,
    state: TrainState,
    log: RunLog,
    output: Path,
    own_segmenter: OwnSegmenter | None = None,
    workers: Workers | None = None,
) -> Result:
    """Evaluates on whole images, exports, and writes the summary.

    Args:
        config, spec, state, log: those of the run.
        splits: examples, with the validation images.
        output: where to write; `config.run.output_dir` holds the best checkpoints.
        own_segmenter: builder of S if it is the user's own.
        workers: that trained; each measures a part of the images. The chief's export counts.
    """
    workers = workers or Workers()
    started = time.monotonic()
    val = splits.full_val or splits.val
    measure = functools.partial(
        evaluate_sections,
        examples=val,
        outlines=config.run.outlines,
        spacing=pixel_size(config.run.spacing),
        gather=workers.sums,
        part=workers.index,
        parts=workers.count,
    )
    workers.exchange("")  # by now the chief has written its last checkpoints
    best_folder = Path(config.run.output_dir) / "best"
    networks: dict[str, Metrics] = {}
    confusions: dict[str, list[list[int]]] = {}
    exported: Path | None = None
    for name, learner in state.segmenters().items():
        # In float32, like exports, so that the metrics hold for the exported model.
        model = in_float32(learner.evaluated, spec, own_segmenter)
        predictor = predictor_of(model, spec)
        kept = KeptSamples(len(val)) if name == "segmenter" else None
        best = measure(predictor, keep=kept)
        networks[name], confusions[name] = best.metrics, best.confusion.tolist()
        if kept is not None:
            write_image_sums(output / IMAGE_SUMS, val.keys, best)
            kept.write(output / SAMPLES, val.keys)
        last = model.get_weights()
        if config.run.best_metric != LAST and _restore_best(model, name, best_folder, last):
            if not all(map(np.array_equal, last, model.get_weights())):
                best = measure(predictor)
            best_name = f"{name} best"
            networks[best_name], confusions[best_name] = best.metrics, best.confusion.tolist()
        if len(spec.class_names) > 2:
            path = output / "plots" / f"confusion_{name}.png"
            confusion_figure(best.confusion, spec.class_names, path)
        if name == "segmenter":
            _draw_overlays(predictor, val, output / "plots" / "overlays.png")
        if name == "segmenter" and config.run.export and workers.is_chief:
            # A run that was killed after its export has one of this very state.
            exported = find_saved_model(model, spec, output / "export") or export_saved_model(
                model, spec, output / "export", own=own_segmenter
            )
    check_still_there(output)
    updates = len(log.rows) * config.run.steps_per_epoch
    rate = updates * config.windows_per_update / log.seconds if log.seconds else 0.0
    summary = {
        "dataset": splits.val_data.dataset,
        "split": splits.val_data.val_split or "validation",
        "data_dir": splits.val_data.data_dir and str(Path(splits.val_data.data_dir).resolve()),
        "resize": () if splits.full_val else splits.val_data.resize,
        "test_scales": spec.test_scales,
        "networks": {network: without_nan(metrics) for network, metrics in networks.items()},
        "confusion": confusions,
        "best": {network: without_nan(best) for network, best in log.best.items()},
        "updates": int(state.step.numpy()),
        "seconds": round(log.seconds, 1),
        "wall_seconds": round(log.wall_seconds + time.monotonic() - started, 1),
        "images_per_second": round(rate, 2),
        "peak_memory_mib": round(peak_memory_bytes() / 2**20),
        "notices": list(log.notices.values()),
        "seed": config.run.seed,
        "precision": tf.keras.mixed_precision.global_policy().name,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("tfadvseg", "tensorflow", "numpy")},
        },
        "export": exported and str(exported.relative_to(output)),
    }
    atomic.write_text(output / SUMMARY, json.dumps(summary, indent=1) + "\n")
    write_page(run_page(output, summary), output / REPORT)
    return dataclasses.replace(_read(summary, output), worker=workers.index)


def earlier_result(output: Path, updates: int, planned: int) -> Result | None:
    """Result that `finish_run` wrote after `updates` updates; None if there is none.

    A damaged summary counts as none: it can be made again.
    """
    try:
        summary = json.loads(read_text(output / SUMMARY))
        if summary["updates"] != updates:
            return None
        result = _read(summary, output)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        logging.warning("%s: damaged (%s); it is made again.", output / SUMMARY, error)
        return None
    return dataclasses.replace(result, finished_before=True, stopped_early=updates < planned)


def _read(summary: dict, output: Path) -> Result:
    plots = output / "plots"
    made = {
        "report": output / REPORT,
        "metrics": output / "metrics.csv",
        "curves": plots / "metrics.png",
        "overlays": plots / "overlays.png",
        "summary": output / SUMMARY,
    }
    for kind in ("samples", "source", "patches"):
        drawn = list(plots.glob(f"{kind}_epoch_*.png"))
        if drawn:
            made[kind] = max(drawn, key=lambda path: int(path.stem.rpartition("_")[2]))
    if summary["export"]:
        made["export"] = output / summary["export"]
    return Result(
        networks={network: with_nan(metrics) for network, metrics in summary["networks"].items()},
        made={what: str(path) for what, path in made.items()},
        notices=summary["notices"],
        seconds=summary["seconds"],
        wall_seconds=summary["wall_seconds"],
        images_per_second=summary["images_per_second"],
        peak_memory_mib=summary["peak_memory_mib"],
    )


def _restore_best(model: tf.keras.Model, name: str, folder: Path, last: list[np.ndarray]) -> bool:
    """Restores a network's best checkpoint; returns whether that worked, else keeps its `last`."""
    try:
        found = restore_newest(tf.train.Checkpoint(model=model), folder, prefix=name)
    except UserError as error:
        found = None
        logging.warning("%s", error)
        model.set_weights(last)  # part of a damaged file may have been loaded
    if found is None:
        logging.warning("%s: the best checkpoint is missing; using the last weights.", name)
    return found is not None


def _draw_overlays(predictor: Predictor, val: Examples, path: Path) -> None:
    drawn, spec = spread(val, OVERLAYS), predictor.spec
    overlays_figure(
        [as_picture(image) for image in drawn.images],
        list(drawn.labels or ()),
        [predict_label(predictor, image) for image in drawn.images],
        spec.palette,
        spec.class_names,
        path,
        drawn.keys,
    )
