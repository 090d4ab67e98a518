"""Facts about a run's start, used to check that two runs are comparable: `start.json`."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadvseg.data.examples import fingerprint
from tfadvseg.files import atomic
from tfadvseg.files.start_facts import START_FACTS
from tfadvseg.run.loading import RunData
from tfadvseg.training.types import Batch, Phase


def write_start_facts(
    output: Path, data: RunData, segmenter: tf.keras.Model, phases: Sequence[Phase]
) -> None:
    """Writes the facts that two runs must share for a fair comparison.

    Args:
        output: the run's folder.
        data: the run's examples.
        segmenter: S before its first update.
        phases: phases of an epoch.
    """
    unlabelled = "target" if data.config.target.dataset else "unlabelled"
    parts = {"train": data.splits.train, "validation": data.splits.val, unlabelled: data.unlabelled}
    first_batches = {p.name: _window_means(next(iter(p.batches(0, 0)))) for p in phases}
    facts = {
        "parts": {name: fingerprint(part) for name, part in parts.items() if part is not None},
        "images": {name: len(part) for name, part in parts.items() if part is not None},
        "initial_weights": _weights_hash(segmenter),
        "parameters": sum(int(np.prod(v.shape)) for v in segmenter.trainable_variables),
        "phases": [
            {
                "name": phase.name,
                "updates": phase.updates,
                "windows": {
                    name: len(means)
                    for name, means in first_batches[phase.name].items()
                    if name.endswith("image")
                },
                "first_batch": first_batches[phase.name],
            }
            for phase in phases
        ],
        "working_dir": str(Path.cwd()),
    }
    atomic.write_text(output / START_FACTS, json.dumps(facts, indent=1) + "\n")


def _weights_hash(model: tf.keras.Model) -> str:
    """Hash of the trained weights; it excludes batch norm's statistics, whose number may differ."""
    digest = hashlib.blake2b(digest_size=8)
    for variable in model.trainable_variables:
        value = variable.numpy()
        digest.update(f"{value.shape}{value.dtype}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def _window_means(batch: Batch) -> dict[str, list[float]]:
    """Mean of each window, the same on every processor up to rounding.

    The labelled domain's tensors get the same names with and without a second domain.
    """
    means = {}
    for name, tensor in batch.items():
        if name.endswith(("image", "label")):
            values = tf.cast(tensor, tf.float64)
            of_window = tf.reduce_mean(values, axis=list(range(1, len(tensor.shape))))
            means[name.removeprefix("source_")] = [round(float(v), 6) for v in of_window.numpy()]
    return means
