"""Resampling of maps and of images, as the code that others trained with does it."""

import tensorflow as tf


def resize_aligned(maps: tf.Tensor, size: tf.Tensor | tuple[int, int]) -> tf.Tensor:
    """Resizes bilinearly so that the corner pixels' centres keep their places.

    Output pixel i of n takes the value at i * (m - 1) / (n - 1) of the input's m pixels along
    each axis, linear between neighbours. This is PyTorch's `align_corners=True`, with which
    DeepLab-v2 upsamples its logits; `tf.image.resize` aligns the pixels' outer edges instead.

    Args:
        maps: [B,h,w,K] float.
        size: (height, width), Python or int32 [2].

    Returns:
        [B,height,width,K] float32.
    """
    return tf.raw_ops.ResizeBilinear(
        images=tf.cast(maps, tf.float32), size=size, align_corners=True
    )


def resize_bicubic(image: tf.Tensor, size: tf.Tensor | tuple[int, int]) -> tf.Tensor:
    """Resizes images as Pillow does, to within a grey level: see `data.resizing`.

    Like Pillow, the width first, and what lies between is rounded to whole grey levels.

    Args:
        image: [B,H,W,C] float32 on the 0-255 scale.
        size: (height, width), Python or int32 [2].

    Returns:
        [B,height,width,C] float32, whole numbers from 0 to 255.
    """
    for target in ((tf.shape(image)[1], size[1]), size):
        image = tf.image.resize(image, target, tf.image.ResizeMethod.BICUBIC, antialias=True)
        image = tf.round(tf.clip_by_value(image, 0, 255))
    return image
