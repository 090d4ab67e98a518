"""Our iteration of domain adaptation: S with two levels, and one D per level (Tsai et al. 2018)."""

import numpy as np
import tensorflow as tf

from benchmarks.operations import count_operations
from benchmarks.settings import Settings
from benchmarks.workload import Workload, Workloads, timed
from tfadvseg.methods.adaptation import AdaptationLosses, adaptation_step
from tfadvseg.models.deeplab_v2 import RESNET101, TINY, deeplab_v2
from tfadvseg.models.fc_discriminator import fc_discriminator
from tfadvseg.training.state import Learner
from tfadvseg.training.torch_optimizers import TorchAdam, TorchSGD
from tfadvseg.training.types import Batch, Scalars

CLASSES = 19


def build_adaptation(settings: Settings) -> Workloads:
    """`adaptation_step` as published, on noise images of equal size for source and target."""
    segmenter, discriminators = learners(settings)
    losses = AdaptationLosses()

    @tf.function(autograph=False)
    def step(batch: Batch) -> Scalars:
        return adaptation_step(segmenter, discriminators, [batch], losses)

    batch = noise(settings)

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            scalars = step(batch)
        scalars["loss_seg"].numpy()

    operations = count_operations(step.get_concrete_function(batch))
    return {"": Workload(run, 2 * settings.batch, operations)}


def learners(settings: Settings) -> tuple[Learner, list[Learner]]:
    """S and two Ds with the published optimizers."""
    blocks = RESNET101 if settings.full_depth else TINY
    model = deeplab_v2(3, CLASSES, blocks, width=settings.width)
    factors = [(model.classifier_variables(), 10.0)]
    segmenter = Learner(model, TorchSGD(2.5e-4, 0.9, 5e-4, factors=factors), "segmenter")
    return segmenter, [
        Learner(
            fc_discriminator(CLASSES, settings.width),
            TorchAdam(1e-4, 0.9, 0.99),
            f"discriminator{level}",
        )
        for level in (1, 2)
    ]


def noise(settings: Settings) -> Batch:
    """A batch in the format of `methods.adaptation`."""
    random = np.random.default_rng(0)
    shape = (settings.batch, *settings.crop_size)
    source, target = (random.standard_normal((*shape, 3)) for _ in range(2))
    return {
        "source_image": tf.constant(source, tf.float32),
        "source_label": tf.constant(random.integers(0, CLASSES, shape), tf.int32),
        "target_image": tf.constant(target, tf.float32),
    }
