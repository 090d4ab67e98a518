"""Draws the pictures that a method adds to those of every run."""

from collections.abc import Mapping
from pathlib import Path

from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.methods.method import ChosenLabels, PatchMaps, Picture, PseudoLabels, Samples
from tfadvseg.reporting.chosen_labels import chosen_labels_figure
from tfadvseg.reporting.patch_maps import patch_maps_figure
from tfadvseg.reporting.pseudo_labels import pseudo_labels_figure
from tfadvseg.reporting.samples import samples_figure


def draw_picture(picture: Picture, spec: ModelSpec, methods: Mapping[str, str], path: Path) -> None:
    """Draws one picture as a PNG, whole or not at all.

    Args:
        picture: what to draw.
        spec: class names and colours.
        methods: the method that trains each segmenter.
        path: the file.
    """
    match picture:
        case Samples():
            samples_figure(
                picture.images,
                picture.labels,
                dict(picture.predictions),
                spec.palette,
                spec.class_names,
                path,
                methods=methods,
            )
        case PatchMaps():
            patch_maps_figure(
                picture.images,
                picture.labels,
                picture.predictions,
                picture.patches,
                picture.sides,
                spec.palette,
                spec.class_names,
                path,
                least_squares=picture.least_squares,
                answers=picture.answers,
            )
        case ChosenLabels():
            chosen_labels_figure(
                picture.images,
                picture.predictions,
                picture.pseudo_labels,
                picture.confidence,
                picture.threshold,
                picture.confidence_name,
                spec.palette,
                spec.class_names,
                path,
            )
        case PseudoLabels():
            pseudo_labels_figure(
                picture.images,
                picture.labels,
                picture.confidences,
                picture.views,
                picture.lessons,
                picture.weights,
                spec.palette,
                spec.class_names,
                path,
            )
