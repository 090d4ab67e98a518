"""Builds optimizers from their configuration."""

from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.config import OptimizerConfig
from tfadvseg.models.multi_level import MultiLevelSegmenter
from tfadvseg.training import schedules
from tfadvseg.training.torch_optimizers import LearningRate, TorchAdam, TorchSGD

CLASSIFIER_FACTOR = 10.0
"""Factor of the learning rate of DeepLab-v2's atrous classifiers."""


@dataclass(frozen=True)
class Length:
    """Length of a network's training, on which learning rates depend.

    Attributes:
        updates_per_epoch: updates of this network per epoch, at least 1.
        epochs: epochs over which `poly` and `cosine` rates fall.
    """

    updates_per_epoch: int = 1
    epochs: int = 1


def learning_rate(config: OptimizerConfig, length: Length) -> LearningRate:
    """The learning rate: a number, or a schedule evaluated in the graph."""
    top = config.learning_rate
    updates = length.epochs * length.updates_per_epoch
    match config.rate:
        case "constant":
            if not config.decay and not config.warmup:
                return top
            schedule = schedules.inverse_time(top, config.decay)
        case "step":
            boundaries = [epoch * length.updates_per_epoch for epoch in config.rate_steps]
            schedule = schedules.step_decay(top, boundaries)
        case "poly":
            schedule = schedules.poly(top, updates)
        case "cosine":
            schedule = schedules.cosine(top, updates)
    return schedules.warmed_up(schedule, config.warmup)


def build_optimizer(
    config: OptimizerConfig, model: tf.keras.Model, length: Length
) -> tf.keras.optimizers.Optimizer:
    """The optimizer of a network, not built yet.

    Gradients are summed over replicas before they are clipped. Weight decay applies to kernels, the
    weights with more than one dimension; with sgd, as in DeepLab-v2's recipe, it applies to all
    trained variables of deeplab_v2.
    """
    variables = model.trainable_variables
    kernels = [variable for variable in variables if len(variable.shape) > 1]
    rate = learning_rate(config, length)
    clip = config.clip_norm or None
    match config.optimizer:
        case "rmsprop":
            return tf.keras.optimizers.RMSprop(rate, global_clipnorm=clip, jit_compile=False)
        case "adam":
            return tf.keras.optimizers.Adam(
                rate, beta_2=config.beta_2, global_clipnorm=clip, jit_compile=False
            )
        case "adamw":
            optimizer = tf.keras.optimizers.AdamW(
                rate,
                config.weight_decay,
                beta_2=config.beta_2,
                global_clipnorm=clip,
                jit_compile=False,
            )
            others = [variable for variable in variables if len(variable.shape) < 2]
            optimizer.exclude_from_weight_decay(var_list=others)
            return optimizer
        case "sgd":
            if not isinstance(model, MultiLevelSegmenter):
                return TorchSGD(
                    rate, config.momentum, config.weight_decay, decayed=kernels, clip_norm=clip
                )
            # DeepLab-v2's recipe: classifiers learn faster, and all trained variables decay.
            factors = [(model.classifier_variables(), CLASSIFIER_FACTOR)]
            return TorchSGD(
                rate, config.momentum, config.weight_decay, factors=factors, clip_norm=clip
            )
        case "torch_adam":
            return TorchAdam(rate, beta_2=config.beta_2, clip_norm=clip)
