"""Fourier domain adaptation (Yang and Soatto, CVPR 2020, arXiv 2004.05498), without a D.

The pipeline gives each source window the low-frequency amplitudes of the target window with the
same number, on the 0-255 scale. The update is that of `methods.adabn`, so a gain over AdaBN is due
to the amplitudes. The published entropy loss and self-training are not included.
"""

import tensorflow as tf

from tfadvseg.config.methods.fda import RULES
from tfadvseg.data.feeds import Feed
from tfadvseg.data.fourier import swap_low_amplitudes
from tfadvseg.methods.method import Method, Training
from tfadvseg.methods.source_training import source_phase
from tfadvseg.training.types import Batch, Batches, Phase


def stylised_domains(feed: Feed, beta: float) -> Batches:
    """`feed.domains` with the target's low-frequency amplitudes in the source images.

    Args:
        feed: feed of a run with two domains.
        beta: as in `data.fourier.swap_low_amplitudes`.
    """

    @tf.autograph.experimental.do_not_convert  # it has nothing to convert
    def stylise(batch: Batch) -> Batch:
        source = feed.normalisation.to_scale(batch["source_image"])
        target = feed.normalisation.to_scale(batch["target_image"])
        # A target window of another size is resized, so that both have the same frequencies.
        target = tf.image.resize(target, tf.shape(source)[1:3])
        swapped = feed.normalisation(swap_low_amplitudes(source, target, beta))
        swapped.set_shape(batch["source_image"].shape)
        return batch | {"source_image": swapped}

    def batches(epoch: int, first: int) -> tf.data.Dataset:
        return feed.domains(epoch, first).map(stylise)

    return batches


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over windows of both domains."""
    batches = stylised_domains(training.feed, training.config.method.fda_beta)
    return source_phase("fda", training, batches, adapts_statistics=True)


METHOD = Method(RULES, phases)
