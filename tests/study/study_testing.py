"""Studies whose runs need not be trained: their folders are written as a run leaves them."""

import json
from collections.abc import Mapping
from pathlib import Path

from tfadvseg.flags.flagfile import flags_text
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
