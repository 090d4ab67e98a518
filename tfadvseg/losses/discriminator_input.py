"""D's input: a map of class probabilities, alone or combined with the image."""

import tensorflow as tf

from tfadvseg.config import DiscriminatorConfig
from tfadvseg.losses.segmentation import valid_pixels


def truth_probabilities(
    label: tf.Tensor, probabilities: tf.Tensor, config: DiscriminatorConfig
) -> tf.Tensor:
    """The label as a map of class probabilities.

    `one_hot` gives zeros and ones. `scaling` (Luc et al. 2016, section 3.2) gives the true class
    max(tau, s), where s is S's probability of it, and distributes the rest over the other classes
    in proportion to S's probabilities, so that D cannot recognise a label by its zeros and ones.

    Args:
        label: [B,H,W] int32 in [0, K) or `ignore_label`, where all classes get 0, unless shown.
        probabilities: S's class probabilities, [B,H,W,K] float32.
        config: settings of D: `d_truth`, `d_truth_tau` and `d_ignored`; if it is `shown`, pixels
            without a label get S's probabilities.

    Returns:
        [B,H,W,K] float32, without gradient to S.
    """
    truth = _of_labels(label, probabilities, config)
    if config.d_ignored == "hidden":
        return truth
    labelled = (label < probabilities.shape[-1])[..., tf.newaxis]
    return tf.where(labelled, truth, tf.stop_gradient(probabilities))


def true_probabilities(
    label: tf.Tensor, mask: tf.Tensor | None, probabilities: tf.Tensor, config: DiscriminatorConfig
) -> tf.Tensor:
    """The true side's class probabilities: of the batch's labels, or of masks of other images.

    Args:
        label: of the images whose `probabilities` are given, as in `truth_probabilities`.
        mask: of other images, [B,H,W] int32; None if the labels are the true side.
        probabilities: S's class probabilities, [B,H,W,K] float32. Of other images they say nothing:
            `d_truth=scaling` then shares 1 - tau evenly among the other classes.
        config: settings of D.

    Returns:
        [B,H,W,K] float32, without gradient to S.
    """
    if mask is None:
        return truth_probabilities(label, probabilities, config)
    even = tf.ones_like(probabilities) / probabilities.shape[-1]
    return truth_probabilities(mask, even, config)


def _of_labels(
    label: tf.Tensor, probabilities: tf.Tensor, config: DiscriminatorConfig
) -> tf.Tensor:
    """`truth_probabilities`, 0 where there is no label."""
    num_classes = probabilities.shape[-1]
    one_hot = tf.one_hot(tf.where(label < num_classes, label, -1), num_classes)
    match config.d_truth:
        case "one_hot":
            return one_hot
        case "scaling":
            probabilities = tf.stop_gradient(probabilities)
            of_truth = tf.reduce_sum(one_hot * probabilities, axis=-1, keepdims=True)
            scaled = tf.maximum(config.d_truth_tau, of_truth)
            others = (1 - one_hot) * probabilities
            share = tf.math.divide_no_nan(1 - scaled, 1 - of_truth)
            valid = tf.reduce_sum(one_hot, axis=-1, keepdims=True)
            return one_hot * scaled + others * share * valid


def discriminator_input(
    probabilities: tf.Tensor, image: tf.Tensor, label: tf.Tensor, config: DiscriminatorConfig
) -> tf.Tensor:
    """Combines a map and its image to D's input.

    `none`: the map alone; with two classes only the second, as the first is its complement.
    `concat`: the same, followed by the image's channels.
    `product`: each class's map times each channel of the image (Luc et al. 2016, section 3.2).

    Args:
        probabilities: S's or the label's class probabilities, [B,H,W,K] float32.
        image: [B,H,W,C] float32, normalised.
        label: [B,H,W] int32; where it is `ignore_label`, both real and fake maps are 0, unless
            `d_ignored` is `shown`.
        config: settings of D: `d_image` and `d_ignored`.

    Returns:
        [B,H,W,`discriminator_channels(...)`] float32.
    """
    if config.d_ignored == "hidden":
        probabilities *= valid_pixels(label)[..., tf.newaxis]
    maps = probabilities[..., 1:] if probabilities.shape[-1] == 2 else probabilities
    match config.d_image:
        case "none":
            return maps
        case "concat":
            return tf.concat([maps, image], axis=-1)
        case "product":
            products = probabilities[..., tf.newaxis] * image[..., tf.newaxis, :]
            channels = probabilities.shape[-1] * image.shape[-1]
            return tf.reshape(products, [*tf.unstack(tf.shape(image)[:3]), channels])


def discriminator_channels(
    num_classes: int, image_channels: int, config: DiscriminatorConfig
) -> int:
    """Number of channels of `discriminator_input`."""
    maps = 1 if num_classes == 2 else num_classes
    match config.d_image:
        case "none":
            return maps
        case "concat":
            return maps + image_channels
        case "product":
            return num_classes * image_channels
