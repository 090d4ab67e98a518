"""Bootstrap over images within pairs: how much the choice of test images matters."""

import functools
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadvseg.files.image_sums import ImageSums, read_image_sums
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.study.gathering import StudyRun, sums_file
from tfadvseg.study.plan import Part
from tfadvseg.study.statistics import CONFIDENCE

SAMPLES = 1000


def image_interval(
    pairs: Sequence[tuple[StudyRun, StudyRun]], metric: str, part: Part
) -> tuple[float, float] | None:
    """95 % interval of the mean difference over pairs under resampling of images.

    Each sample draws as many images as there are, with replacement: the same ones for both sides of
    a pair, and for all pairs that measure the same images. The trained networks stay the same,
    so it says nothing about other seeds; the t interval does (percentile bootstrap, Efron and
    Tibshirani 1993, chapter 13).

    Args:
        pairs: runs of the arm and of its reference.
        metric: a metric that is computed from sums over images.
        part: the deciding part.

    Returns:
        The lower and upper bound; None if a run wrote no sums, two sides measure different
        images, there are fewer than two images, or no sample has the metric.
    """
    differences = []
    for pair in pairs:
        first, second = (_sampled(sums_file(run.plan, part), run.plan.folder) for run in pair)
        if first is None or second is None or first[0] != second[0] or len(first[0]) < 2:
            return None
        if metric not in first[1] or metric not in second[1]:
            return None
        differences.append(first[1][metric] - second[1][metric])
    means = np.mean(differences, axis=0) if differences else np.array([np.nan])
    if np.isnan(means).all():
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(means, (tail, 1 - tail))
    return float(low), float(high)


@functools.cache
def _sampled(path: Path, folder: Path) -> tuple[tuple[str, ...], dict[str, np.ndarray]] | None:
    """The images of a run, and each metric's value in each sample, [SAMPLES]."""
    images = read_image_sums(path)
    if images is None:
        return None
    return images.keys, sampled_metrics(images, ModelSpec.load(folder))


def sampled_metrics(images: ImageSums, spec: ModelSpec) -> dict[str, np.ndarray]:
    """Each metric's value in each sample of images, [SAMPLES]; the same images draw alike."""
    # Only here, as it imports TensorFlow.
    from tfadvseg.evaluation.image_metrics import MeasuredTask, metrics_of_sums

    task = MeasuredTask(spec.class_names, spec.foreground_class, spec.darkfield_accuracy)
    count = len(images.keys)
    generator = np.random.default_rng(zlib.crc32("\n".join(images.keys).encode()))
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=SAMPLES)
    totals = {name: np.tensordot(drawn, each, axes=1) for name, each in images.sums.items()}
    samples = [
        metrics_of_sums({name: each[i] for name, each in totals.items()}, task)
        for i in range(SAMPLES)
    ]
    return {name: np.array([each[name] for each in samples]) for name in samples[0]}
