"""Pictures of the first windows with and without labels, as S and D see them."""

from collections.abc import Callable

import tensorflow as tf

from tfadvseg.methods.levels import logits_per_domain
from tfadvseg.methods.method import PatchMaps, ToPixels, Training
from tfadvseg.models.outputs import class_probabilities

WINDOWS = 3
"""Number of windows of either kind."""


def answered_windows(
    training: Training,
    to_pixels: ToPixels,
    d_input: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    answers: tuple[str, str],
) -> PatchMaps:
    """The first windows of either kind, S's predictions and D's answers on them.

    S is the trained network, not its average, because D is trained against it. Both run in
    inference mode.

    Args:
        training: the `Training` of a run with one D.
        to_pixels: inverse of the normalisation.
        d_input: function of class probabilities and images to D's input maps.
        answers: meaning of low and of high logits.
    """
    batch = training.feed.first_domains(WINDOWS)
    sides = batch["source_image"], batch["target_image"]
    images = tf.concat(sides, axis=0)
    logits = logits_per_domain(training.segmenter, *sides, training=False)
    probabilities = class_probabilities(logits)
    discriminator = training.learners["discriminator"].model
    patches = discriminator(d_input(probabilities, images), training=False)[..., 0]
    return PatchMaps(
        "patches",
        [*to_pixels(images).numpy()],
        [*batch["source_label"].numpy(), *[None] * WINDOWS],
        [*tf.argmax(probabilities, axis=-1).numpy()],
        [*patches.numpy()],
        ["labelled"] * WINDOWS + ["unlabelled"] * WINDOWS,
        least_squares=training.config.method.gan == "ls",
        answers=answers,
    )
