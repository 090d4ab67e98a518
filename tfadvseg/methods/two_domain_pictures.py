"""Pictures of the first windows of two domains, with S's predictions and D's patch logits."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfadvseg.methods.method import PatchMaps, Samples, ToPixels, Training
from tfadvseg.models.multi_level import level_logits
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET, Domain
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.models.outputs import class_probabilities

SOURCE_SAMPLES = 6
"""Number of source windows in `source_samples`."""

PATCH_WINDOWS = 3
"""Number of windows per domain in `patch_maps`."""


def source_samples(training: Training, to_pixels: ToPixels) -> Samples:
    """The first source windows, their labels and each segmenter's predictions.

    With `--compare` they show S with and without adaptation, as the validation windows do for the
    target.
    """
    batch = training.feed.first_domains(SOURCE_SAMPLES)
    image = batch["source_image"]
    predictions = {}
    for name, learner in training.learners.items():
        if learner.role != "segmenter":
            continue
        # A network trained on the source alone has its statistics under the target's name.
        domain = SOURCE if learner is training.segmenter else TARGET
        with learner.domain(domain):
            logits = level_logits(learner.evaluated, image, training=False, domain=domain)[-1]
        predictions[name] = _probabilities(logits, image).numpy()
    return Samples("source", to_pixels(image).numpy(), batch["source_label"].numpy(), predictions)


def patch_maps(
    training: Training,
    to_pixels: ToPixels,
    names: Sequence[str],
    d_input: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> PatchMaps:
    """The first windows of each domain, S's predictions and D's patch logits on them.

    S is the trained network, not its moving average, because D is trained against it. Both run in
    inference mode. The level is the last one with a D.

    Args:
        training: the `Training` of a run whose D classifies domains.
        to_pixels: inverse of the normalisation.
        names: names of each level's D among the learners.
        d_input: function of class probabilities to D's input maps.

    Raises:
        ValueError: no level has a D.
    """
    levels = [level for level, name in enumerate(names) if name in training.learners]
    if not levels:
        raise ValueError("No level has a discriminator.")
    level = levels[-1]
    discriminator = training.learners[names[level]].model

    def answers(image: tf.Tensor, domain: Domain) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """A prediction [H,W] int and D's logits [h,w] float32 per image."""
        model = training.segmenter.model
        with training.segmenter.domain(domain):
            logits = level_logits(model, image, training=False, domain=domain)[level]
        maps = _probabilities(logits, image)
        patches = discriminator(d_input(maps), training=False)[..., 0]
        return [*tf.argmax(maps, axis=-1).numpy()], [*patches.numpy()]

    batch = training.feed.first_domains(SOURCE_SAMPLES)
    source = batch["source_image"][:PATCH_WINDOWS]
    target = batch["target_image"][:PATCH_WINDOWS]
    predictions, patches = answers(source, SOURCE)
    of_target = answers(target, TARGET)
    return PatchMaps(
        "patches",
        [*to_pixels(source).numpy(), *to_pixels(target).numpy()],
        [*batch["source_label"][:PATCH_WINDOWS].numpy(), *[None] * len(target)],
        predictions + of_target[0],
        patches + of_target[1],
        ["source"] * len(source) + ["target"] * len(target),
        least_squares=training.config.method.gan == "ls",
    )


def _probabilities(logits: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    return class_probabilities(resize_aligned(logits, image.shape[1:3]))
