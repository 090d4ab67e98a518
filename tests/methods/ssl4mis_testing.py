"""The U-Net and the Dice loss of SSL4MIS, for comparisons with its numbers."""

import numpy as np
import tensorflow as tf

from tfadvseg.interop.tensor_files import Tensors
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.training.torch_optimizers import TorchSGD

WIDTHS = (16, 32, 64, 128, 256)


def published_unet(channels: int, classes: int) -> tf.keras.Model:
    """Its `UNet` without dropout; layers have the names of PyTorch's modules.

    From images [B,H,W,channels] float, H and W multiples of 16, to logits [B,H,W,classes].
    """
    images = tf.keras.Input((None, None, channels))
    x = _block(images, WIDTHS[0], "encoder.in_conv.conv_conv")
    levels = [x]
    for level, width in enumerate(WIDTHS[1:], start=1):
        x = tf.keras.layers.MaxPooling2D(2)(x)
        x = _block(x, width, f"encoder.down{level}.maxpool_conv.1.conv_conv")
        levels.append(x)
    for up, skip in enumerate(reversed(levels[:-1]), start=1):
        width = WIDTHS[-1 - up]
        x = tf.keras.layers.Conv2D(width, 1, name=f"decoder.up{up}.conv1x1")(x)
        x = tf.keras.layers.Lambda(lambda x: resize_aligned(x, 2 * tf.shape(x)[1:3]))(x)
        x = tf.keras.layers.Concatenate()([skip, x])
        x = _block(x, width, f"decoder.up{up}.conv.conv_conv")
    logits = tf.keras.layers.Conv2D(classes, 3, padding="same", name="decoder.out_conv")(x)
    return tf.keras.Model(images, logits)


def _block(x: tf.Tensor, width: int, name: str) -> tf.Tensor:
    for convolution, norm in ((0, 1), (4, 5)):
        x = tf.keras.layers.Conv2D(width, 3, padding="same", name=f"{name}.{convolution}")(x)
        x = tf.keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.{norm}")(x)
        x = tf.keras.layers.LeakyReLU(0.01)(x)
    return x


def published_names(model: tf.keras.Model) -> dict[str, tf.Variable]:
    """Weights by the names of a `state_dict`, of layers that are named like PyTorch's modules."""
    names = {}
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.Conv2D):
            own = {"weight": layer.kernel, "bias": layer.bias}
        elif isinstance(layer, tf.keras.layers.BatchNormalization):
            own = {"weight": layer.gamma, "bias": layer.beta}
            own |= {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
        else:
            continue
        names |= {f"{layer.name}.{name}": variable for name, variable in own.items()}
    return names


def load_published(model: tf.keras.Model, tensors: Tensors) -> None:
    """Fills those weights from arrays in PyTorch's layout."""
    for name, variable in published_names(model).items():
        value = tensors[name]
        variable.assign(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value)


def published_dice(probabilities: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Its `DiceLoss`: 1 - the mean over classes of (2 sum pg + s) / (sum p^2 + sum g^2 + s)."""
    truth = tf.one_hot(label, probabilities.shape[-1])
    overlap = tf.reduce_sum(truth * probabilities, axis=[0, 1, 2])
    areas = tf.reduce_sum(truth + tf.square(probabilities), axis=[0, 1, 2])
    return 1 - tf.reduce_mean((2 * overlap + 1e-5) / (areas + 1e-5))


def published_sgd(settings: dict) -> TorchSGD:
    """The optimizer of its segmenter."""
    rate = LaggingPoly(settings["lr"], settings["num_steps"], settings["power"])
    return TorchSGD(rate, settings["momentum"], settings["weight_decay"])


def first_gradient_norms(settings: dict, expected: dict[str, np.ndarray]) -> dict[str, float]:
    """Norms of the segmenter's first gradients, by the names of a `state_dict`.

    Biases in front of batch norm are left out: their gradient is nothing but rounding.
    """
    norms = zip(settings["gradient_norm_order"], expected["first_gradient_norms"], strict=True)
    return {name: float(norm) for name, norm in norms if norm > 1e-5}


class LaggingPoly(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Poly decay that is set after each update from the number of updates before it."""

    def __init__(self, first: float, steps: int, power: float = 0.9) -> None:
        self.first, self.steps, self.power = first, steps, power

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        done = tf.maximum(tf.cast(step, tf.float32) - 1, 0)
        return self.first * (1 - done / self.steps) ** self.power
