"""Resampling of maps and images with the conventions of published code."""

import tensorflow as tf


def resize_aligned(maps: tf.Tensor, size: tf.Tensor | tuple[int, int]) -> tf.Tensor:
    """Resizes bilinearly with fixed centres of the corner pixels.

    Output pixel i of n takes the value at i * (m - 1) / (n - 1) of the input's m pixels along
    each axis, linear between neighbours. This is PyTorch's `align_corners=True`, which DeepLab-v2
    uses to upsample its logits; `tf.image.resize` aligns the outer edges of pixels instead.

    Args:
        maps: [B,h,w,K] float.
        size: (height, width), Python or int32 [2].

    Returns:
        [B,height,width,K] float32.
    """
    return tf.raw_ops.ResizeBilinear(
        images=tf.cast(maps, tf.float32), size=size, align_corners=True
    )


_PART = 2.0**10
"""Bicubic weights are integer multiples of 1 / _PART**2, split as coarse * _PART + fine.

Both are integers of at most 11 bits. No larger power of two appears as a constant: TFLite models
with weights in float16 end at 65504.
"""

RESAMPLING = "resampling"
"""Scope of the names of operations that resize, by which int8 quantization leaves them alone."""


def resize_bilinear(maps: tf.Tensor, size: tf.Tensor | tuple[int, int]) -> tf.Tensor:
    """As `tf.image.resize`, with the same weights in every runtime.

    Runtimes round the coordinates of their own bilinear resizing differently, by which steep maps
    differ in the fifth digit. Here pixels are found in whole numbers.

    Args:
        maps: [B,h,w,K] float32.
        size: (height, width), Python or int32 [2]; its product with (h, w) below 2**30 each.

    Returns:
        [B,height,width,K] float32.
    """
    with tf.name_scope(RESAMPLING):
        by_width = _interpolate_axis(maps, 2, size[1])
        return _interpolate_axis(by_width, 1, size[0])


def _interpolate_axis(maps: tf.Tensor, axis: int, target: tf.Tensor | int) -> tf.Tensor:
    source = tf.shape(maps)[axis]
    # Distances from the first pixel's centre, in units of 1 / (2 * target).
    places = tf.maximum((2 * tf.range(target) + 1) * source - target, 0)
    below = tf.truncatediv(places, 2 * target)
    share = tf.cast(places - 2 * target * below, tf.float32) / tf.cast(2 * target, tf.float32)
    low = tf.gather(maps, below, axis=axis)
    high = tf.gather(maps, tf.minimum(below + 1, source - 1), axis=axis)
    return low + tf.reshape(share, [-1] + [1] * (3 - axis)) * (high - low)


def resize_bicubic(image: tf.Tensor, size: tf.Tensor | tuple[int, int]) -> tf.Tensor:
    """Resizes images as Pillow does, to within one grey level: see `data.resizing`.

    Like Pillow, it resizes the width first, rounds the intermediate image to whole grey levels,
    and rounds halves up. The weights are those of `tf.image.resize(..., antialias=True)` to float
    rounding. The operation behind that function, `ScaleAndTranslate`, exists in none of ONNX,
    OpenVINO and TFLite, so each axis is a matrix product here. On whole grey levels everything
    that affects rounding is computed exactly, so that all runtimes give the same image.

    Args:
        image: [B,H,W,C] float32 on the 0-255 scale.
        size: (height, width), Python or int32 [2].

    Returns:
        [B,height,width,C] float32, whole numbers from 0 to 255.
    """
    with tf.name_scope(RESAMPLING):
        by_width = tf.transpose(image, [0, 3, 1, 2])
        by_height = tf.transpose(_resample_last_axis(by_width, size[1]), [0, 1, 3, 2])
        resized = tf.transpose(_resample_last_axis(by_height, size[0]), [0, 3, 2, 1])
    resized.set_shape([image.shape[0], None, None, image.shape[-1]])
    return resized


def _resample_last_axis(x: tf.Tensor, target: tf.Tensor | int) -> tf.Tensor:
    """[B,C,H,W] float32 to [B,C,H,target] in whole grey levels."""
    weights = bicubic_weights(tf.shape(x)[-1], target)
    coarse = tf.round(weights / _PART)
    parts = tf.concat([coarse, weights - _PART * coarse], axis=0)
    # Factors of 11 bits and 8: their sums fit in the 24 bits of a float32, and GPUs that round
    # factors to 11 bits (TF32) do not change them.
    sums, totals = tf.matmul(x, parts, transpose_b=True), tf.reduce_sum(parts, axis=1)
    coarse_sum, fine_sum = sums[..., :target], sums[..., target:]
    coarse_total, fine_total = totals[:target], totals[target:]
    total = _PART * coarse_total + fine_total
    level = tf.round((_PART * coarse_sum + fine_sum) / total)
    left = _PART * (coarse_sum - level * coarse_total) + (fine_sum - level * fine_total)
    return tf.clip_by_value(level + _correction(left, total), 0, 255)


def bicubic_weights(source: tf.Tensor | int, target: tf.Tensor | int) -> tf.Tensor:
    """Weights of antialiased bicubic resampling along one axis (Keys 1981, a = -0.5).

    Args:
        source: number of pixels of the axis.
        target: number of pixels after resampling. If either exceeds 4096, weights may differ
            between runtimes in their last bit; the product of both must be below 2**30.

    Returns:
        [target,source] float32 in whole numbers: divide each row by its sum.
    """
    # Pixel centres and their distance in units of the kernel, which widens as the axis shrinks.
    centres = (2 * tf.range(target) + 1)[:, tf.newaxis] * source
    offsets = centres - (2 * tf.range(source) + 1)[tf.newaxis] * target
    unit = tf.cast(2 * tf.maximum(source, target), tf.float32)
    distance = _exact_ratio(tf.minimum(tf.abs(tf.cast(offsets, tf.float32)), 2 * unit), unit)
    near = ((1.5 * distance - 2.5) * distance) * distance + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    beyond = tf.where(distance < 2, _PART * far, tf.zeros_like(far))
    return tf.round(_PART * tf.where(distance < 1, _PART * near, beyond))


def _exact_ratio(dividend: tf.Tensor, divisor: tf.Tensor) -> tf.Tensor:
    """The nearest multiple of 1 / _PART**2 to a ratio of whole numbers from 0 to 2."""
    quotient = tf.round(_PART * (_PART * dividend / divisor))
    coarse = tf.round(quotient / _PART)
    fine = quotient - _PART * coarse
    left = _PART * (_PART * dividend - coarse * divisor) - fine * divisor
    return (coarse + (fine + _correction(left, divisor)) / _PART) / _PART


def _correction(left: tf.Tensor, divisor: tf.Tensor) -> tf.Tensor:
    """The correction that rounds a quotient to the nearest whole number, halves up.

    Some runtimes divide inexactly and would round some quotients the other way; the remainder, the
    dividend minus quotient times divisor, is exact in all of them.
    """
    too_low, too_high = 2 * left >= divisor, 2 * left < -divisor
    return tf.cast(too_low, tf.float32) - tf.cast(too_high, tf.float32)
