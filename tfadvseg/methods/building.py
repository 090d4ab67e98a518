"""Builds a run's networks and phases from its configuration, including those of `--compare`."""

from collections.abc import Callable

import tensorflow as tf

from tfadvseg.config import Config
from tfadvseg.data.feeds import Feed
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.methods.method import Method, Training, train_nothing
from tfadvseg.training.state import Builder, TrainState
from tfadvseg.training.types import Batch, Scalars


def build_state(build: Builder, method: Method | None = None) -> TrainState:
    """Builds S, the method's other networks, and those of `--compare` with S's initial weights.

    Args:
        build: builder of networks and optimizers.
        method: the method; None takes the configuration's.
    """
    config = build.config
    method = method or METHODS[config.method.method]
    segmenter = build.segmenter("segmenter")
    learners = {"segmenter": segmenter} | method.build_learners(build)
    learners |= {name: build.segmenter(name) for name in config.method.compare}
    for name, learner in learners.items():
        if name in config.method.compare or learner.role == "teacher":
            for model in filter(None, (learner.model, learner.averaged)):
                model.set_weights(segmenter.model.get_weights())
    step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
    return TrainState(step, learners)


def prepare_training(
    config: Config,
    state: TrainState,
    feed: Feed,
    terms: SegmentationTerms = CROSS_ENTROPY,
) -> Training:
    """The `Training` from which the method makes its phases and pictures."""
    arms = {name: METHODS[arm] for name, arm in config.method.arms().items()}
    return Training(config, state.learners, feed, terms, _beside(config, state, feed, terms, arms))


def _beside(
    config: Config,
    state: TrainState,
    feed: Feed,
    terms: SegmentationTerms,
    arms: dict[str, Method],
) -> Callable[[Batch], Scalars]:
    if not arms:
        return train_nothing
    steps = []
    for name, arm in arms.items():
        # An arm has one phase; its step takes the batches of the run's method.
        (phase,) = arm.phases(Training(config, {"segmenter": state.learners[name]}, feed, terms))
        steps.append(phase.step)

    def beside(batch: Batch) -> Scalars:
        scalars: Scalars = {}
        batch = _with_domains(batch)
        for step in steps:
            scalars |= step(batch, {})
        return scalars

    return beside


def _with_domains(batch: Batch) -> Batch:
    """A batch with unlabelled images has them under the names of methods of two domains, too."""
    if "unlabelled_image" not in batch:
        return batch
    return batch | {
        "source_image": batch["image"],
        "source_label": batch["label"],
        "target_image": batch["unlabelled_image"],
    }
