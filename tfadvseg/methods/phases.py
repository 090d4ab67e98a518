"""The phases of an epoch: which step functions a configuration repeats, and how often."""

import tensorflow as tf

from tfadvseg.config import Config
from tfadvseg.methods import adversarial
from tfadvseg.methods.supervised import supervised_step
from tfadvseg.training.state import Learner, TrainState
from tfadvseg.training.types import Batch, Phase, Scalars, StepFunction


def plan_epoch(config: Config, state: TrainState) -> tuple[Phase, ...]:
    """The phases of every epoch, in order."""
    steps = config.run.steps_per_epoch
    learner, discriminator, standard = state.segmenter, state.discriminator, state.standard
    if discriminator is None:
        return (Phase("supervised", _supervised_phase(state.segmenters()), steps),)
    shown = config.discriminator

    def joint(batch: Batch, lambda_adv: tf.Tensor) -> Scalars:
        scalars = _named(
            adversarial.joint_step(learner, discriminator, batch, lambda_adv, shown), "segmenter"
        )
        if standard is not None:
            scalars |= _named(supervised_step(standard, batch), "standard")
        return scalars

    def segmenter(batch: Batch, lambda_adv: tf.Tensor) -> Scalars:
        scalars = adversarial.segmenter_step(learner, discriminator, batch, lambda_adv, shown)
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
            phases = [Phase("standard", _supervised_phase(alone), steps)] if alone else []
            return (
                *phases,
                Phase("adversarial", segmenter, steps),
                Phase("discriminator", mixed, 2 * steps, "mixed"),
            )


def _supervised_phase(learners: dict[str, Learner]) -> StepFunction:
    def step(batch: Batch, lambda_adv: tf.Tensor) -> Scalars:
        del lambda_adv  # nothing adversarial here
        scalars: Scalars = {}
        for name, learner in learners.items():
            scalars |= _named(supervised_step(learner, batch), name)
        return scalars

    return step


_OF_DISCRIMINATOR = frozenset(
    ("loss_d", "accuracy_real", "accuracy_fake", "fooling_rate", "logit_min", "logit_max")
)


def _named(scalars: Scalars, network: str) -> Scalars:
    """Prefixes each name with the network it is about."""
    return {
        f"{'d' if name in _OF_DISCRIMINATOR else network}/{name}": value
        for name, value in scalars.items()
    }
