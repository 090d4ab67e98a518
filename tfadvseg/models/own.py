"""Networks of the user's own: functions that build Keras models, and what is asked of these."""

from collections.abc import Callable

import tensorflow as tf

from tfadvseg.errors import UserError


def build_own_segmenter(
    build: Callable[[int, int], tf.keras.Model], image_channels: int, logit_channels: int
) -> tf.keras.Model:
    """Builds a segmenter and checks that it can be one.

    Args:
        build: from (channels of an image, logits per pixel) to a model of normalised images
            [B,H,W,C] float32 of any size to logits [B,H,W,K] float32.
        image_channels: C.
        logit_channels: K; 1 for two classes, the logit of class 1.

    Raises:
        UserError: it is no Keras model, or does not map images to logits of their size.
    """
    what = f"segmenter={name_of(build)}"
    model = _built(build, (image_channels, logit_channels), what)
    size = (64, 96)
    image = tf.zeros((1, *size, image_channels))
    try:
        shape = tuple(model(image, training=False).shape)
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{what}: cannot take an image {tuple(image.shape)}: {reason}") from None
    expected = (1, *size, logit_channels)
    if shape != expected:
        raise UserError(
            f"{what}: turns an image {tuple(image.shape)} into {shape}; expected logits {expected}."
        )
    return model


def build_own_discriminator(
    build: Callable[[tuple[int, int], int], tf.keras.Model], size: tuple[int, int], channels: int
) -> tf.keras.Model:
    """Builds a discriminator and checks that it can be one.

    Args:
        build: from (height and width of a window, channels of a map) to a model of maps
            [B,H,W,channels] float32 to logits [B,h,w,1] float32.
        size, channels: of the maps in training.

    Raises:
        UserError: it is no Keras model, or does not map such maps to logits.
    """
    what = f"discriminator={name_of(build)}"
    model = _built(build, (size, channels), what)
    maps = tf.zeros((1, *size, channels))
    try:
        shape = tuple(model(maps, training=False).shape)
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{what}: cannot take maps {tuple(maps.shape)}: {reason}") from None
    if len(shape) != 4 or shape[-1] != 1:
        raise UserError(
            f"{what}: turns maps {tuple(maps.shape)} into {shape}; expected logits (1, h, w, 1)."
        )
    return model


def _built(build: Callable[..., tf.keras.Model], arguments: tuple, what: str) -> tf.keras.Model:
    """What the function makes of the arguments.

    Raises:
        UserError: it is a model itself, or returns none.
    """
    if isinstance(build, tf.keras.Model):
        raise UserError(f"{what}: is a Keras model; give a function that builds a new one.")
    model = build(*arguments)
    if not isinstance(model, tf.keras.Model):
        raise UserError(f"{what}: returned {type(model).__name__}; return a Keras model.")
    return model


def name_of(function: Callable) -> str:
    """`module.qualified_name` of a function or class."""
    qualified = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{function.__module__}.{qualified}"


def same_function(name: str, other: str) -> bool:
    """Whether two names of `name_of` can be of one function.

    A function of the program that was started is `__main__.f`, and `program.f` for whoever imports
    it from there.
    """
    if name == other:
        return True
    main, imported = sorted((name, other), key=lambda each: not each.startswith("__main__."))
    return main.startswith("__main__.") and imported.endswith(main.removeprefix("__main__"))
