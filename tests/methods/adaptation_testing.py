"""Small networks, learners and batches for tests of domain adaptation."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfadvseg.methods import adaptation
from tfadvseg.methods.adaptation import AdaptationLosses
from tfadvseg.methods.source_training import source_step
from tfadvseg.models.deeplab_v2 import TINY, deeplab_v2
from tfadvseg.models.fc_discriminator import fc_discriminator
from tfadvseg.training.state import Learner
from tfadvseg.training.torch_optimizers import TorchSGD
from tfadvseg.training.types import Batch, Scalars

CLASSES = 5
SOURCE_SIZE = (33, 47)
TARGET_SIZE = (40, 35)

RATE = 8.0
"""Of gradient descent: so fast that weights before and after one step tell the gradient exactly."""

SINGLE_LEVEL = {"lambda_seg": (1.0,), "lambda_adv": (0.5,)}


def learner(model: tf.keras.Model, optimizer: tf.keras.optimizers.Optimizer) -> Learner:
    """A network with an optimizer that no configuration offers."""
    return Learner(model, optimizer, "segmenter")


def adaptation_step(
    segmenter: Learner,
    discriminators: Sequence[Learner | None],
    batches: Sequence[Batch],
    losses: AdaptationLosses,
) -> Scalars:
    """The method's step; its scalars by level and quantity, whichever network they are about."""
    return by_quantity(adaptation.adaptation_step(segmenter, discriminators, batches, losses))


def source_only_step(
    segmenter: Learner, batches: Sequence[Batch], losses: AdaptationLosses
) -> Scalars:
    """The baseline's step, with the weights of an adaptation's."""
    scalars = source_step(
        segmenter, batches, losses.lambda_seg, losses.terms, adapts_statistics=False
    )
    return by_quantity(scalars)


def by_quantity(scalars: Scalars) -> Scalars:
    prefixes = {"segmenter/": "", "d/": "", "aux_d/": "aux_"}
    return {
        prefixes[f"{owner}/"] + quantity: value
        for (owner, quantity), value in ((n.split("/"), v) for n, v in scalars.items())
    }


def learners(
    multi_level: bool = True, seed: int = 1, rate: float = RATE, **options
) -> tuple[Learner, list[Learner]]:
    """S and one D per level, all updated by plain gradient descent."""
    tf.keras.utils.set_random_seed(seed)
    model = deeplab_v2(3, CLASSES, TINY, multi_level, width=4, **options)
    judges = [fc_discriminator(CLASSES, width=2) for _ in range(1 + multi_level)]
    return learner(model, TorchSGD(rate)), [learner(judge, TorchSGD(rate)) for judge in judges]


def multi_losses(**changes) -> AdaptationLosses:
    """Weights large enough for every term to matter."""
    return AdaptationLosses(**({"lambda_seg": (0.3, 1.0), "lambda_adv": (0.2, 0.5)} | changes))


def adaptation_batch(seed: int = 0, size: int = 1) -> Batch:
    generator = np.random.default_rng(seed)
    label = generator.integers(0, CLASSES, (size, *SOURCE_SIZE))
    # Few valid pixels in the first image, so that means of means would be wrong.
    share = np.where(np.arange(size) == 0, 0.6, 0.1)[:, None, None]
    label[generator.uniform(size=label.shape) < share] = 255
    return {
        "source_image": normal(generator, (size, *SOURCE_SIZE, 3)),
        "source_label": tf.constant(label, tf.int32),
        "target_image": normal(generator, (size, *TARGET_SIZE, 3), 0.5),
    }


def normal(generator: np.random.Generator, shape: tuple[int, ...], mean: float = 0.0) -> tf.Tensor:
    return tf.constant(generator.normal(mean, 1.0, shape), tf.float32)
