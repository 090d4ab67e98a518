"""The interface of a method: `Method`, and the types of its parts."""

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
    """Trains no further network; the default without `--compare`."""
    del batch
    return {}


@dataclass(frozen=True)
class Training:
    """Everything from which a method makes its phases.

    Attributes:
        config: configuration of the run.
        learners: all networks by name; `segmenter` is S.
        feed: maker of batches.
        terms: terms of the segmentation loss.
        beside: function that trains the networks of `--compare` on a batch of the method's first
            phase.
        compares: whether there are such networks.
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
        name: name of the file, `<name>_epoch_NNN.png`.
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
        name: name of the file, `<name>_epoch_NNN.png`.
        images: images, [H,W,C] uint8 each.
        labels: labels, [H,W] int32 each, or None without a label.
        predictions: predicted class ids, [H,W] int each.
        patches: D's logits, [h,w] float32 each.
        sides: side of each window, such as `source` or `target`.
        least_squares: whether D is trained by least squares, so that its logits approximate labels.
        answers: meaning of low and of high logits.
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
"""Function of normalised images to uint8 images (`data.normalisation.Normalisation.inverse`)."""


def no_learners(build: Builder) -> dict[str, Learner]:
    """No networks in addition to S."""
    del build
    return {}


def no_maps(config: Config, batch: Batch, probabilities: tf.Tensor) -> dict[str, tf.Tensor]:
    """No maps: D is not validated."""
    del config, batch, probabilities
    return {}


def no_opponents(config: Config) -> tuple[Opponent, ...]:
    """No discriminators to watch."""
    del config
    return ()


def no_pictures(training: Training, to_pixels: ToPixels) -> Sequence[Picture]:
    """No pictures in addition to those of every run."""
    del training, to_pixels
    return ()


@dataclass(frozen=True)
class Method:
    """A training method. Only `rules` and `phases` are required.

    Attributes:
        rules: valid options, and the method's requirements of a run.
        phases: function of a `Training` to the phases of every epoch, in order.
        build_learners: function that builds the networks in addition to S, by their names in
            checkpoints.
        validation_maps: function that makes the inputs of the D named `discriminator` in
            validation, as the steps do: of the run's config, a batch (`image` [B,H,W,C] float32,
            normalised, `label` [B,H,W] int32) and S's class probabilities [B,H,W,K] float32, to
            `real` and `fake` maps; empty if D is not validated.
        opponents: function of the config to the discriminators whose health is watched.
        pictures: function that makes pictures of the networks' state after each epoch.
    """

    rules: MethodRules
    phases: Callable[[Training], tuple[Phase, ...]]
    build_learners: Callable[[Builder], dict[str, Learner]] = no_learners
    validation_maps: Callable[[Config, Batch, tf.Tensor], dict[str, tf.Tensor]] = no_maps
    opponents: Callable[[Config], tuple[Opponent, ...]] = no_opponents
    pictures: Callable[[Training, ToPixels], Sequence[Picture]] = no_pictures
