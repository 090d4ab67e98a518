"""The segmenter of the published SegAN, in its own layout, for parity of the method alone."""

import numpy as np
import tensorflow as tf

from tests.interop.state_dicts import random_state_dict
from tfadvseg.models.ops.resampling import resize_aligned


def hwio(kernel: np.ndarray) -> np.ndarray:
    """A PyTorch kernel, OIHW, as TensorFlow's."""
    return kernel.transpose(2, 3, 1, 0)


class PublishedSegmenter(tf.keras.Model):
    """Encoder and decoder of `NetS`, with bilinear upsampling between aligned corners."""

    def __init__(self, spec: list, overrides: dict[str, list[float]]) -> None:
        super().__init__()
        self.tensors = {}
        for name, value in random_state_dict(spec).items():
            factor, offset = overrides.get(name, (1.0, 0.0))
            value = value * np.float32(factor) + np.float32(offset)
            if name == "deconvblock1.0.weight":  # transposed: its inputs come first
                value = value.swapaxes(0, 1)
            value = hwio(value) if value.ndim == 4 else value
            learns = "running" not in name and "num_batches" not in name
            variable = tf.Variable(value, trainable=learns, name=name.replace(".", "/"))
            setattr(self, "own_" + name.replace(".", "_"), variable)
            self.tensors[name] = variable

    def convolved(self, x, name, stride=1):
        kernel = self.tensors[f"{name}.weight"]
        pads = [[(n - 1) // 2] * 2 for n in kernel.shape[:2]]
        x = tf.nn.conv2d(x, kernel, stride, [[0, 0], *pads, [0, 0]])
        bias = self.tensors.get(f"{name}.bias")
        return x if bias is None else x + bias

    def normalised(self, x, name, training):
        t = self.tensors
        if training:
            mean, variance = tf.nn.moments(x, [0, 1, 2])
        else:
            mean, variance = t[f"{name}.running_mean"], t[f"{name}.running_var"]
        scale, offset = t[f"{name}.weight"], t[f"{name}.bias"]
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, 1e-5)

    def residual(self, x, name, activation):
        own = x
        for index in (1, 2, 3):
            own = activation(self.convolved(own, f"{name}.conv{index}"))
        return x + own

    def crossed(self, x, name):
        left = self.convolved(self.convolved(x, f"{name}.conv_l1"), f"{name}.conv_l2")
        return left + self.convolved(self.convolved(x, f"{name}.conv_r1"), f"{name}.conv_r2")

    def call(self, image, training=False):
        def leaky(x):
            return tf.nn.leaky_relu(x, 0.2)

        def block(x, name, stride, activation):
            x = self.convolved(x, f"{name}.0", stride)
            return activation(self.normalised(x, f"{name}.1", training))

        x, encoded = leaky(self.convolved(image, "convblock1.0", 2)), {}
        for level in range(1, 6):
            if level > 1:
                x = block(x, f"convblock{level}", 2, leaky)
            x = encoded[level] = self.residual(x, f"convblock{level}_1", leaky)
        x = block(x, "convblock6", 2, leaky)
        x = encoded[6] = block(x, "convblock6_1", 1, leaky) + x
        x = encoded[7] = block(x, "convblock7", 2, leaky)
        x = block(block(x, "convblock8", 1, leaky), "deconvblock1", 1, tf.nn.relu)
        for level in range(2, 9):
            x = tf.concat([encoded[9 - level], x], axis=-1)
            size = encoded[8 - level].shape[1:3] if level < 8 else image.shape[1:3]
            x = resize_aligned(x, size)
            name = f"deconvblock{level}"
            if level < 4:
                x = block(x, name, 1, tf.nn.relu)
            else:
                x = self.crossed(x, f"{name}.0")
                x = tf.nn.relu(self.normalised(x, f"{name}.1", training))
            if level == 2:
                x = block(x, f"{name}_1", 1, tf.nn.relu) + x
            else:
                x = self.residual(x, f"{name}_1", tf.nn.relu)
        return self.convolved(x, "deconvblock9.0")
