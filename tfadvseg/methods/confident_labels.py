"""Pseudo-labels of unlabelled images, chosen by D's confidence (Hung et al. 2018, eq. 5)."""

import tensorflow as tf

from tfadvseg.config import GanLoss
from tfadvseg.losses.discriminator_input import true_probabilities
from tfadvseg.losses.gan import compares_sides
from tfadvseg.losses.segmentation import labels_where
from tfadvseg.methods.few_label_pictures import WINDOWS
from tfadvseg.methods.levels import upsampled_logits
from tfadvseg.methods.method import ChosenLabels, ToPixels, Training
from tfadvseg.models.ops.frozen_batch_norm import SOURCE
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.models.outputs import class_probabilities, predicted_label


def confidence(logits: tf.Tensor, gan: GanLoss, real_mean: tf.Tensor | None = None) -> tf.Tensor:
    """D's probability that each pixel belongs to a true map, [B,H,W] float32.

    Losses other than cross-entropy give D's label for fake 0 and for real 1, linear between. Losses
    that compare sides give the probability that it looks truer than true maps do on average.

    Args:
        logits: D's logits, [B,H,W,1] float32.
        gan: the adversarial loss that trains D.
        real_mean: mean of D's logits on true maps, for losses that compare sides.
    """
    logits = logits[..., 0]
    match gan:
        case "ls":
            return tf.clip_by_value(logits, 0.0, 1.0)
        case "hinge":
            return tf.clip_by_value((logits + 1) / 2, 0.0, 1.0)
        case _:
            return tf.sigmoid(logits if real_mean is None else logits - real_mean)


def logits_per_pixel(patches: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """D's logits [B,h,w,1] upsampled to the size of `maps` [B,H,W,C]."""
    return resize_aligned(patches, tf.shape(maps)[1:3])


def pseudo_label_picture(training: Training, to_pixels: ToPixels) -> ChosenLabels:
    """Pseudo-labels of the first windows without labels, both networks in inference mode."""
    method, d = training.config.method, training.learners["discriminator"].model
    batch = training.feed.first_labelled_and_unlabelled(2 * WINDOWS)
    images = batch["unlabelled_image"]
    logits = training.segmenter.model(images, training=False)
    pixel_logits = logits_per_pixel(d(class_probabilities(logits), training=False), images)
    real_mean = None
    if compares_sides(method.gan):
        labelled = upsampled_logits(training.segmenter, batch["image"], SOURCE, training=False)[-1]
        probabilities, config = class_probabilities(labelled), training.config.discriminator
        maps = true_probabilities(batch["label"], batch.get("mask"), probabilities, config)
        real_mean = tf.reduce_mean(d(maps, training=False))
    confident = confidence(pixel_logits, method.gan, real_mean)
    predictions = predicted_label(logits)
    return ChosenLabels(
        "pseudo_labels",
        to_pixels(images).numpy(),
        predictions.numpy(),
        labels_where(confident >= method.semi_threshold, predictions).numpy(),
        confident.numpy(),
        method.semi_threshold,
        "D: probability\nof a true map",
    )
