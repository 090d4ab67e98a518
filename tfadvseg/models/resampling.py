"""Bilinear resampling with aligned corners."""

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
