"""Strong views of unlabelled images: perturbed values, unmoved pixels.

Images are normalised, so that amounts are in standard deviations of the training images' values,
whatever their depth. What is drawn for an image is a function of its seed alone.
"""

import math

import tensorflow as tf

from tfadvseg.methods.mixing import uniform_draws

NOISE, LIMIT = 0.1, 0.2
"""Standard deviation of the mean teacher's noise, and where it is cut off (SSL4MIS)."""

JITTER_PROBABILITY, BLUR_PROBABILITY, GREY_PROBABILITY = 0.8, 0.5, 0.2
"""Of colour jitter, blur, and of losing all colour (UniMatch)."""

BLUR_SIGMA = (0.1, 2.0)
"""Smallest and largest standard deviation of the blur in pixels (UniMatch)."""

_TAPS = 5
"""Pixels that the blur reaches to each side."""

_TO_GREY = (0.299, 0.587, 0.114)


def noisy_view(images: tf.Tensor, seeds: tf.Tensor, salt: int = 0) -> tf.Tensor:
    """Adds normal noise, cut off at `LIMIT`.

    Args:
        images: [B,H,W,C] float32, normalised.
        seeds: [B,2] int32.
        salt: another one draws other noise.

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
    """Jitters brightness, contrast and, of three channels, colour; then blurs.

    Of UniMatch's augmentation (torchvision's `ColorJitter`, `RandomGrayscale`, Gaussian blur), on
    normalised values: brightness is added, contrast is about the image's own mean.

    Args:
        images: [B,H,W,C] float32, normalised.
        seeds: [B,2] int32.
        strength: of the jitter: brightness moves by up to so many standard deviations, contrast
            and saturation by such a share, the hue by half of that share of half a circle.
        salt: another one draws other values.

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
    """Turns colours about the grey axis, [B,H,W,3], by an angle, and scales them, [B,1,1,1]."""
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    colour = images - grey
    # Rodrigues' rotation about (1, 1, 1) / sqrt(3), to which `colour` is orthogonal.
    across = (tf.roll(colour, 1, axis=-1) - tf.roll(colour, -1, axis=-1)) / math.sqrt(3)
    return grey + saturation * (tf.cos(angle) * colour + tf.sin(angle) * across)


def _blurred(images: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """A Gaussian blur of each image, [B,H,W,C], by its own sigma, [B,1,1,1], in pixels."""
    weights = [tf.exp(-0.5 * tf.square(float(step) / sigma)) for step in range(_TAPS + 1)]
    total = weights[0] + 2 * tf.add_n(weights[1:])
    for axis in (1, 2):
        side = tf.shape(images)[axis]
        shifted = []
        for step in range(-_TAPS, _TAPS + 1):
            # Beyond the border its own pixels go on.
            places = tf.clip_by_value(tf.range(side) + step, 0, side - 1)
            shifted.append(weights[abs(step)] * tf.gather(images, places, axis=axis))
        images = tf.add_n(shifted) / total
    return images
