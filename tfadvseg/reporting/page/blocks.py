"""Blocks that the pages of runs and of studies share."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.files.samples import Sample
from tfadvseg.reporting.page.content import Block, FigureBlock, Layer, Samples, SampleView
from tfadvseg.reporting.page.figures import (
    Curves,
    confusion_figure,
    curves_figure,
    reliability_figure,
)
from tfadvseg.reporting.page.pictures import image_uri, label_uri, uncertainty_uri
from tfadvseg.reporting.plotting import Row

MOST_SAMPLES = 8


def curves(panels: Mapping[str, Curves], caption: str) -> list[Block]:
    """A figure of the panels that have a curve; nothing if none has."""
    shown = {title: found for title, found in panels.items() if found}
    if not shown:
        return []
    spoken = "; ".join(
        f"{title}: " + ", ".join(f"{name} ends at {_last(runs):.3f}" for name, runs in each.items())
        for title, each in shown.items()
    )
    return [FigureBlock(curves_figure(shown, f"Curves over updates. {spoken}."), caption)]


def curve(rows: Sequence[Row], column: str) -> list[tuple[float, float]]:
    """(update, value) of each row of `metrics.csv` that has a finite value."""
    pairs = [(row.get("update"), row.get(column)) for row in rows]
    return [
        (update, value)
        for update, value in pairs
        if update is not None and value is not None and math.isfinite(value)
    ]


def discriminator_columns(names: Iterable[str]) -> dict[str, str]:
    """What is drawn of D's health: columns of `metrics.csv` by title."""
    found = {}
    for name in names:
        stage, _, quantity = name.partition("/")
        owner, _, kind = quantity.rpartition("/")
        if stage == "train" and owner.endswith("d") and kind.startswith(("accuracy", "loss_d")):
            found[f"{owner}: {kind.replace('_', ' ')}"] = name
    return found


def confusions(sums: Mapping[str, np.ndarray], class_names: Sequence[str]) -> Block:
    """Confusion matrices by name."""
    caption = "Share of each true class (row) that is predicted as each class (column)."
    return FigureBlock(confusion_figure(sums, class_names), caption)


def reliability(sums: Mapping[str, np.ndarray]) -> Block:
    """The reliability diagram of `evaluation.calibration` sums by name."""
    caption = (
        "Below the dotted line a network is surer than it is right. The expected calibration error "
        "(ECE) is the mean distance from that line over pixels."
    )
    return FigureBlock(reliability_figure(sums), caption)


def samples(
    by_name: Mapping[str, Sequence[Sample]], worst_of: str, spec: ModelSpec
) -> Block | None:
    """Images with sliders, those first on which one name's predictions are worst.

    Args:
        by_name: samples of the same images by what predicted them.
        worst_of: the name whose predictions order the images.
        spec: names and colours of the classes.

    Returns:
        None where there are no images that all have.
    """
    found = {name: {sample.key: sample for sample in each} for name, each in by_name.items()}
    keys = [key for key in found[worst_of] if all(key in each for each in found.values())]
    if not keys:
        return None
    scores = {key: _mean_iou(found[worst_of][key]) for key in keys}
    views = [
        _view({name: each[key] for name, each in found.items()}, worst_of, scores[key], spec)
        for key in sorted(keys, key=lambda key: scores[key])[:MOST_SAMPLES]
    ]
    colours = [f"rgb({', '.join(map(str, colour))})" for colour in spec.palette]
    return Samples(views, [*zip(spec.class_names, colours, strict=True)])


def _view(
    predictions: Mapping[str, Sample], worst_of: str, score: float, spec: ModelSpec
) -> SampleView:
    main = predictions[worst_of]
    layers = [
        Layer("image", image_uri(main.image), f"Validation image {main.key}"),
        Layer("label", label_uri(main.label, spec.palette), f"True classes of {main.key}"),
    ]
    for name, sample in predictions.items():
        alt = f"Classes of {main.key} as {name} predicts them; mean IoU {_mean_iou(sample):.3f}"
        layers.append(Layer(name, label_uri(sample.prediction, spec.palette), alt))
    unsure = f"Where {worst_of} is unsure of {main.key}"
    uri = uncertainty_uri(main.confidence, len(spec.class_names))
    layers.append(Layer(f"uncertainty of {worst_of}", uri, unsure))
    return SampleView(main.key, f"mean IoU of {worst_of}: {score:.3f}", layers)


def _mean_iou(sample: Sample) -> float:
    """Over the classes that the image or its prediction has; 0 where nothing is labelled."""
    valid = sample.label != IGNORE_LABEL
    true, claimed = sample.label[valid], sample.prediction[valid]
    classes = np.union1d(true, claimed)
    shares = [
        np.sum((true == each) & (claimed == each)) / np.sum((true == each) | (claimed == each))
        for each in classes
    ]
    return float(np.mean(shares)) if shares else 0.0


def _last(runs: Sequence[Sequence[tuple[float, float]]]) -> float:
    return float(np.mean([run[-1][1] for run in runs]))
