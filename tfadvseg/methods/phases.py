"""The phases of an epoch: which step functions a configuration repeats, and how often."""

import tensorflow as tf

from tfadvseg.config import Config
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods import adversarial
from tfadvseg.methods.adaptation import AdaptationLosses, adaptation_step, source_only_step
from tfadvseg.methods.supervised import supervised_step
from tfadvseg.training.state import Learner, TrainState
from tfadvseg.training.types import Batch, Phase, Scalars, StepFunction


def plan_epoch(
    config: Config, state: TrainState, terms: SegmentationTerms = CROSS_ENTROPY
) -> tuple[Phase, ...]:
    """The phases of every epoch, in order.

    Args:
        config: the run.
        state: its networks.
        terms: of the segmentation loss.
    """
    steps = config.run.steps_per_epoch
    learner, discriminator, standard = state.segmenter, state.discriminator, state.standard
    if config.method.uses_levels:
        return (_domains_phase(config, state, terms),)
    if discriminator is None:
        return (Phase("supervised", _supervised_phase(state.segmenters(), terms), steps),)
    shown = config.discriminator

    def joint(batch: Batch, lambda_adv: tf.Tensor) -> Scalars:
        scalars = _named(
            adversarial.joint_step(learner, discriminator, batch, lambda_adv, shown, terms),
            "segmenter",
        )
        if standard is not None:
            scalars |= _named(supervised_step(standard, batch, terms), "standard")
        return scalars

    def segmenter(batch: Batch, lambda_adv: tf.Tensor) -> Scalars:
        scalars = adversarial.segmenter_step(
            learner, discriminator, batch, lambda_adv, shown, terms
        )
        return _named(scalars, "segmenter")

    def mixed(batch: Batch, lambda_adv: tf.Tensor) -> Scalars:
        del lambda_adv  # S does not move in D's phase
        scalars = adversarial.discriminator_step(learner, discriminator, batch, shown)
        return _named(scalars, "segmenter")

    match config.method.schedule:
        case "joint":
            return (Phase("joint", joint, steps),)
        case "alternating":
            alone = {} if standard is None else {"standard": standard}
            phases = [Phase("standard", _supervised_phase(alone, terms), steps)] if alone else []
            return (
                *phases,
                Phase("adversarial", segmenter, steps),
                Phase("discriminator", mixed, 2 * steps, "mixed"),
            )


def _supervised_phase(learners: dict[str, Learner], terms: SegmentationTerms) -> StepFunction:
    def step(batch: Batch, lambda_adv: tf.Tensor) -> Scalars:
        del lambda_adv  # nothing adversarial here
        scalars: Scalars = {}
        for name, learner in learners.items():
            scalars |= _named(supervised_step(learner, batch, terms), name)
        return scalars

    return step


def _domains_phase(config: Config, state: TrainState, terms: SegmentationTerms) -> Phase:
    """Domain adaptation, or training on the source alone; the standard network never adapts."""
    method = config.method
    levels = config.segmenter.levels
    lambda_seg = (method.lambda_seg_aux, 1.0)[-levels:]
    source_only = AdaptationLosses(lambda_seg, (0.0,) * levels, terms=terms)
    judges = (state.aux_discriminator, state.discriminator)[-levels:]

    def step(batch: Batch, lambda_adv: tf.Tensor) -> Scalars:
        # Batches of one update come in one. A replica's share of it holds every batch's turns, so
        # that each is the same windows however many replicas there are.
        parts = [
            {name: tensor[turn :: method.iter_size] for name, tensor in batch.items()}
            for turn in range(method.iter_size)
        ]
        scalars: Scalars = {}
        alone = state.segmenters()
        if method.adapts:
            weights = (method.lambda_adv_aux, lambda_adv)[-levels:]
            losses = AdaptationLosses(lambda_seg, weights, method.gan, terms)
            learner = alone.pop("segmenter")
            scalars = _named(adaptation_step(learner, judges, parts, losses), "segmenter")
        for name, learner in alone.items():
            scalars |= _named(source_only_step(learner, parts, source_only), name)
        return scalars

    return Phase(method.method, step, config.run.steps_per_epoch, "domains")


_OF_DISCRIMINATOR = frozenset(
    (
        "loss_d",
        "accuracy_real",
        "accuracy_fake",
        "accuracy_source",
        "accuracy_target",
        "fooling_rate",
        "logit_min",
        "logit_max",
    )
)


def _named(scalars: Scalars, network: str) -> Scalars:
    """Prefixes each name with the network it is about."""

    def owner(name: str) -> str:
        if name.removeprefix("aux_") not in _OF_DISCRIMINATOR:
            return f"{network}/{name}"
        return f"aux_d/{name.removeprefix('aux_')}" if name.startswith("aux_") else f"d/{name}"

    return {owner(name): value for name, value in scalars.items()}
