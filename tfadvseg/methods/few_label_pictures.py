"""Pictures of the first windows with and without labels, as S and D see them."""

from collections.abc import Callable

import tensorflow as tf

from tfadvseg.methods.method import PatchMaps, ToPixels, Training
from tfadvseg.models.outputs import class_probabilities

WINDOWS = 3
"""Windows of either kind that are drawn."""


def judged_windows(
    training: Training,
    to_pixels: ToPixels,
    shown: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    answers: tuple[str, str],
) -> PatchMaps:
    """The first windows of either kind, S's predictions and D's answers on them.

    S is as it trains, not its average, since D knows that one; both run in inference mode.

    Args:
        training: of a run with one D.
        to_pixels: undoes the normalisation.
        shown: from class probabilities and images to the maps that D is shown.
        answers: what low and what high logits say.
    """
    batch = training.feed.first_domains(WINDOWS)
    images = tf.concat([batch["source_image"], batch["target_image"]], axis=0)
    probabilities = class_probabilities(training.segmenter.model(images, training=False))
    discriminator = training.learners["discriminator"].model
    patches = discriminator(shown(probabilities, images), training=False)[..., 0]
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
