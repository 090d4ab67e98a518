"""What the rest of a run asks of a method: `Method`, and the types of its answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.config import Config
from tfadvseg.config.methods import MethodRules
from tfadvseg.data.feeds import Feed
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.training.state import Builder, Learner
from tfadvseg.training.types import Batch, Opponent, Phase, Scalars


def train_nothing(batch: Batch) -> Scalars:
    """What is trained beside S without `--compare`."""
    del batch
    return {}


@dataclass(frozen=True)
class Training:
    """What a method makes its phases from.

    Attributes:
        config: of the run.
        learners: every network by name; `segmenter` is S.
        feed: makes batches.
        terms: of the segmentation loss.
        beside: trains the networks of `--compare` on a batch of the method's first phase.
        compares: whether there are any.
    """

    config: Config
    learners: Mapping[str, Learner]
    feed: Feed
    terms: SegmentationTerms = CROSS_ENTROPY
    beside: Callable[[Batch], Scalars] = train_nothing

    @property
    def segmenter(self) -> Learner:
        return self.learners["segmenter"]

    @property
    def compares(self) -> bool:
        return self.beside is not train_nothing


@dataclass(frozen=True)
class Samples:
    """A picture of windows: image, label, and each network's prediction.

    Attributes:
        name: of the file: `<name>_epoch_NNN.png`.
        images: [N,H,W,C] uint8.
        labels: [N,H,W] int32.
        predictions: class probabilities [N,H,W,K] float32, by network.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    predictions: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class PatchMaps:
    """A picture of windows, S's predictions, and D's patch logits on them.

    Attributes:
        name: of the file: `<name>_epoch_NNN.png`.
        images: [H,W,C] uint8 each.
        labels: [H,W] int32 each, or None where there is none.
        predictions: [H,W] int each.
        patches: D's logits, [h,w] float32 each.
        sides: which side of D's question each window is of.
        least_squares: whether D was trained by least squares, whose logits are labels.
        answers: what low and what high logits say.
    """

    name: str
    images: Sequence[np.ndarray]
    labels: Sequence[np.ndarray | None]
    predictions: Sequence[np.ndarray]
    patches: Sequence[np.ndarray]
    sides: Sequence[str]
    least_squares: bool
    answers: tuple[str, str] = ("source", "target")


@dataclass(frozen=True)
class PseudoLabels:
    """A picture of unlabelled windows, a teacher's labels of them, and what S is taught.

    Attributes:
        name: of the file: `<name>_epoch_NNN.png`.
        images: [N,H,W,C] uint8, as the teacher sees them.
        labels: the teacher's, [N,H,W] int.
        confidences: probabilities of these, [N,H,W] float32.
        views: what S sees, [N,H,W,C] uint8.
        lessons: the labels that S is to give these, [N,H,W] int.
        weights: of each pixel's loss, [N,H,W] float32 in [0, 1].
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    confidences: np.ndarray
    views: np.ndarray
    lessons: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class ChosenLabels:
    """A picture of windows without labels, and of the predictions that S learns as labels.

    Attributes:
        name: of the file: `<name>_epoch_NNN.png`.
        images: [N,H,W,C] uint8.
        predictions: [N,H,W] int.
        pseudo_labels: [N,H,W] int, `ignore_label` where none is learned.
        confidence: [N,H,W] float in [0, 1].
        threshold: the least confidence with which a pseudo-label is learned.
        confidence_name: what the confidence is, in two short lines.
    """

    name: str
    images: np.ndarray
    predictions: np.ndarray
    pseudo_labels: np.ndarray
    confidence: np.ndarray
    threshold: float
    confidence_name: str


Picture = Samples | PatchMaps | PseudoLabels | ChosenLabels
ToPixels = Callable[[tf.Tensor], tf.Tensor]
"""Normalised images to uint8 (`data.normalisation.Normalisation.inverse`)."""


def no_learners(build: Builder) -> dict[str, Learner]:
    """A method that trains no network but S."""
    del build
    return {}


def no_maps(config: Config, batch: Batch, probabilities: tf.Tensor) -> dict[str, tf.Tensor]:
    """A method whose D validation does not ask."""
    del config, batch, probabilities
    return {}


def no_opponents(config: Config) -> tuple[Opponent, ...]:
    """A method without a D."""
    del config
    return ()


def no_pictures(training: Training, to_pixels: ToPixels) -> Sequence[Picture]:
    """A method that adds no picture to those of every run."""
    del training, to_pixels
    return ()


@dataclass(frozen=True)
class Method:
    """One way of training S: six answers, of which only two are needed of every method.

    Attributes:
        rules: valid options, and what the method needs of a run.
        phases: the phases of every epoch, in order, made from a `Training`.
        build_learners: networks that are trained beside S, by the names that checkpoints use.
        validation_maps: the maps that validation shows the D named `discriminator`, as the steps
            show them: of the run's config, a batch (`image` [B,H,W,C] float32, normalised,
            `label` [B,H,W] int32) and S's class probabilities [B,H,W,K] float32, to `real` and
            `fake` maps; nothing where D is not validated.
        opponents: discriminators whose health is watched.
        pictures: of the networks' present state, drawn after each epoch.
    """

    rules: MethodRules
    phases: Callable[[Training], tuple[Phase, ...]]
    build_learners: Callable[[Builder], dict[str, Learner]] = no_learners
    validation_maps: Callable[[Config, Batch, tf.Tensor], dict[str, tf.Tensor]] = no_maps
    opponents: Callable[[Config], tuple[Opponent, ...]] = no_opponents
    pictures: Callable[[Training, ToPixels], Sequence[Picture]] = no_pictures
