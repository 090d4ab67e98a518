"""Amplitudes of one image in another (Yang and Soatto, CVPR 2020, arXiv 2004.05498)."""

import tensorflow as tf


def swap_low_amplitudes(image: tf.Tensor, style: tf.Tensor, beta: float) -> tf.Tensor:
    """Gives images the low-frequency amplitudes of others and keeps their phases (eq. 3).

    Args:
        image: [B,H,W,C] float32.
        style: [B,H,W,C] float32, whose amplitudes are taken.
        beta: half the side of the square of frequencies that are taken, as a share of the shorter
            side of the image; 0 takes none, from 0.5 on all.

    Returns:
        [B,H,W,C] float32, on the scale of the images; values may lie beyond their range.
    """
    if not beta:
        return image
    height, width = tf.unstack(tf.shape(image)[1:3])
    side = tf.minimum(height, width) if beta < 0.5 else 2 * tf.maximum(height, width)
    reach = tf.cast(tf.floor(beta * tf.cast(side, tf.float32)), tf.int32)
    spectrum, of_style = (_spectrum(each) for each in (image, style))

    def low(size: tf.Tensor) -> tf.Tensor:
        """Frequencies of -reach to reach, at their places in an unshifted spectrum."""
        frequency = tf.range(size)
        return tf.minimum(frequency, size - frequency) <= reach

    taken = low(height)[:, tf.newaxis] & low(width)[tf.newaxis, :]
    amplitude = tf.where(taken, tf.abs(of_style), tf.abs(spectrum))
    phase = tf.math.angle(spectrum)
    swapped = tf.complex(amplitude * tf.cos(phase), amplitude * tf.sin(phase))
    return tf.transpose(tf.math.real(tf.signal.ifft2d(swapped)), [0, 2, 3, 1])


def _spectrum(image: tf.Tensor) -> tf.Tensor:
    """[B,H,W,C] float32 to complex64 [B,C,H,W]."""
    channels_first = tf.transpose(image, [0, 3, 1, 2])
    return tf.signal.fft2d(tf.cast(channels_first, tf.complex64))
