"""What the `encoded` signature is called and answers, for clients. No TensorFlow here."""

import io

import numpy as np
from PIL import Image

from tfadvseg.errors import UserError

SIGNATURE = "encoded"
INPUT = "image_bytes"
OUTPUT = "label_bytes"


class RefusedError(UserError):
    """The server understood a request and refused its images."""


def decode_label(png: bytes) -> np.ndarray:
    """Class ids, [H,W] uint8, of a PNG file.

    Raises:
        OSError: it is no PNG file.
    """
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image)


def no_answer(address: str, reason: object) -> UserError:
    """The error for a server that cannot be reached."""
    return UserError(f"{address}: no answer ({reason}); is the server running there?")


def not_an_answer(error: Exception, text: str) -> UserError:
    """The error for an answer of another form."""
    return UserError(
        f"not an answer of the signature '{SIGNATURE}' ({type(error).__name__}): {text}"
    )
