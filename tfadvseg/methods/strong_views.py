"""Strong views of unlabelled images: values are perturbed, pixels are not moved.

Images are normalised, so amounts are in standard deviations of the training images' values, for any
depth. Random choices for an image depend on its seed alone.
"""

import math

import tensorflow as tf

from tfadvseg.methods.mixing import uniform_draws

NOISE, LIMIT = 0.1, 0.2
"""Standard deviation of the mean teacher's noise, and its largest absolute value (SSL4MIS)."""

JITTER_PROBABILITY, BLUR_PROBABILITY, GREY_PROBABILITY = 0.8, 0.5, 0.2
"""Probabilities of colour jitter, of blur and of conversion to grey (UniMatch)."""

BLUR_SIGMA = (0.1, 2.0)
"""Smallest and largest standard deviation of the blur in pixels (UniMatch)."""

_TAPS = 5
"""Radius of the blur in pixels."""

_TO_GREY = (0.299, 0.587, 0.114)


def noisy_view(images: tf.Tensor, seeds: tf.Tensor, salt: int = 0) -> tf.Tensor:
    """Adds normal noise, clipped to `LIMIT`.

    Args:
        images: [B,H,W,C] float32, normalised.
        seeds: [B,2] int32.
        salt: a different salt gives different noise.

    Returns:
        [B,H,W,C] float32.
    """
    shape = tf.shape(images)[1:]

    def draw(seed: tf.Tensor) -> tf.Tensor:
        own = tf.random.experimental.stateless_fold_in(seed, salt)
        return tf.ensure_shape(tf.random.stateless_normal(shape, own), images.shape[1:])

    noise = tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec(images.shape[1:], tf.float32))
    return images + tf.clip_by_value(NOISE * noise, -LIMIT, LIMIT)


def strong_view(
    images: tf.Tensor, seeds: tf.Tensor, strength: float = 0.5, salt: int = 0
) -> tf.Tensor:
    """Jitters brightness, contrast and, for three channels, colour; then blurs.

    UniMatch's augmentation (torchvision's `ColorJitter`, `RandomGrayscale`, Gaussian blur) for
    normalised values: brightness is added, contrast is relative to the image's own mean.

    Args:
        images: [B,H,W,C] float32, normalised.
        seeds: [B,2] int32.
        strength: largest change of brightness in standard deviations, and of contrast and
            saturation as a share; the hue changes by up to a quarter of a circle times this.
        salt: a different salt gives different values.

    Returns:
        [B,H,W,C] float32.
    """
    draw = uniform_draws(seeds, 8, salt)[:, :, tf.newaxis, tf.newaxis, tf.newaxis]
    brightness, contrast, saturation, hue = tf.unstack(strength * (2 * draw[:, :4] - 1), axis=1)
    jitters = draw[:, 4] < JITTER_PROBABILITY
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    jittered = (images - mean) * (1 + contrast) + mean + brightness
    if images.shape[-1] == 3:
        jittered = _recoloured(jittered, 1 + saturation, hue * math.pi / 2)
    views = tf.where(jitters, jittered, images)
    if images.shape[-1] == 3:
        grey = tf.reduce_sum(views * tf.constant(_TO_GREY), axis=-1, keepdims=True)
        views = tf.where(draw[:, 5] < GREY_PROBABILITY, grey, views)
    low, high = BLUR_SIGMA
    sigma = low + (high - low) * draw[:, 6]
    return tf.where(draw[:, 7] < BLUR_PROBABILITY, _blurred(views, sigma), views)


def _recoloured(images: tf.Tensor, saturation: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Rotates colours [B,H,W,3] about the grey axis by an angle, and scales them, both "
    "[B,1,1,1]."""
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    colour = images - grey
    # Rodrigues' rotation about (1, 1, 1) / sqrt(3), to which `colour` is orthogonal.
    across = (tf.roll(colour, 1, axis=-1) - tf.roll(colour, -1, axis=-1)) / math.sqrt(3)
    return grey + saturation * (tf.cos(angle) * colour + tf.sin(angle) * across)


def _blurred(images: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """Gaussian blur of each image [B,H,W,C] with its own sigma [B,1,1,1] in pixels."""
    weights = [tf.exp(-0.5 * tf.square(float(step) / sigma)) for step in range(_TAPS + 1)]
    total = weights[0] + 2 * tf.add_n(weights[1:])
    for axis in (1, 2):
        side = tf.shape(images)[axis]
        shifted = []
        for step in range(-_TAPS, _TAPS + 1):
            # Border pixels are repeated.
            places = tf.clip_by_value(tf.range(side) + step, 0, side - 1)
            shifted.append(weights[abs(step)] * tf.gather(images, places, axis=axis))
        images = tf.add_n(shifted) / total
    return images
