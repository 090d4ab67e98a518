"""Studies whose runs need not be trained: their folders are written as a run leaves them."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfadvseg.config import SegmenterConfig
from tfadvseg.evaluation.image_metrics import MeasuredTask, measure_image, metrics_of_sums
from tfadvseg.evaluation.per_image import write_image_sums
from tfadvseg.evaluation.report import Evaluation
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.flags.flagfile import flags_text
from tfadvseg.run.kept_samples import KeptSamples
from tfadvseg.study.arms import parse_arms
from tfadvseg.study.plan import PlannedRun, Study

ARMS = (
    "alone: --method=supervised",
    "against_d: --method=adversarial",
)
SIZE = "--width=2 --depth=1 --crop_size=16,16 --augment= --epochs=1 --steps_per_epoch=2"


def make_study(output: Path, arms=ARMS, common=SIZE, **changes) -> Study:
    fields = {
        "references": ("alone",),
        "unit": "seed",
        "numbers": (0, 1, 2),
        "folds": 0,
        "fold_seed": 0,
        "metrics": ("miou", "accuracy"),
        "part": "validation",
    }
    return Study(arms=parse_arms(arms, [common]), output=output, **fields | changes)


def finish(
    run: PlannedRun,
    metrics: Mapping[str, float | None],
    facts: Mapping | None = None,
    **summary,
) -> None:
    """Writes what a finished run leaves.

    Args:
        run: planned.
        metrics: of its last state.
        facts: changes to `start.json`.
        summary: changes to `summary.json`.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    fields = {
        "dataset": "membranes",
        "split": "validation",
        "resize": [],
        "test_scales": [1.0],
        "networks": {"segmenter": metrics},
        "updates": 2,
        "seconds": 30.0,
        "wall_seconds": 60.0,
        "peak_memory_mib": 512,
        "notices": [],
        "precision": "float32",
        "versions": {"tensorflow": "2.15.1"},
    }
    phase = {
        "name": "joint",
        "updates": 2,
        "windows": {"image": 8},
        "first_batch": {"image": [0.5, -0.25], "label": [1.0, 0.5]},
    }
    start = {
        "parts": {"train": "aa", "validation": "bb"},
        "images": {"train": 20, "validation": 10},
        "initial_weights": "cc",
        "parameters": 1234,
        "phases": [phase],
    }
    (run.folder / "summary.json").write_text(json.dumps(fields | summary))
    (run.folder / "start.json").write_text(json.dumps(start | dict(facts or {})))
    (run.folder / "run.flags").write_text(flags_text(run.config))
    (run.folder / "metrics.csv").write_text("epoch,update,val/segmenter/miou\n1,2,0.5\n")


def add_pictures(run: PlannedRun, quality: float, images: int = 4, size: int = 48) -> None:
    """Writes what the page shows of a run: its model, samples and sums of images.

    Args:
        run: finished.
        quality: share of pixels that are predicted rightly.
        images: how many.
        size: of an image, in pixels a side.
    """
    generator = np.random.default_rng(run.number)
    spec = ModelSpec(
        segmenter=SegmenterConfig(width=2, depth=1),
        class_names=("membrane", "cell"),
        palette=((213, 94, 0), (0, 114, 178)),
        image_channels=1,
        mean=(120.0,),
        std=(50.0,),
        foreground_class=None,
        dataset="membranes",
        crop_size=(16, 16),
    )
    task = MeasuredTask(spec.class_names)
    kept, sums = KeptSamples(images), []
    keys = [f"section {number}" for number in range(images)]
    for number in range(images):
        label = (generator.uniform(size=(size // 8, size // 8)) < 0.6).repeat(8, 0).repeat(8, 1)
        image = np.rint(60 + 120 * label + 15 * generator.normal(size=label.shape)).clip(0, 255)
        wrong = generator.uniform(size=label.shape) > quality - 0.05 * number
        positive = np.where(label ^ wrong, 0.85, 0.2)
        maps = np.stack([1 - positive, positive], axis=-1).astype(np.float32)
        kept(number, image.astype(np.uint8)[..., np.newaxis], label.astype(np.uint8), maps)
        sums.append(measure_image(label.astype(np.uint8), maps, task))
    stacked = {name: np.stack([each[name] for each in sums]) for name in sums[0]}
    totals = {name: each.sum(axis=0) for name, each in stacked.items()}
    evaluation = Evaluation(metrics_of_sums(totals, task), stacked, task)
    (run.folder / "model.json").write_text(spec.to_json())
    kept.write(run.folder / "samples.npz", keys)
    write_image_sums(run.folder / "image_sums.npz", keys, evaluation)
