"""A client of TensorFlow Serving's REST interface for the `encoded` signature.

Needs Pillow and NumPy, no TensorFlow. Formats: https://www.tensorflow.org/tfx/serving/api_rest.
"""

import base64
import binascii
import http.client
import io
import json
import urllib.error
import urllib.request
from collections.abc import Sequence

import numpy as np
from PIL import Image

from tfadvseg.errors import UserError

SIGNATURE = "encoded"


def predict_labels(
    server: str,
    model_name: str,
    image_files: Sequence[bytes],
    version: int | None = None,
    timeout: float = 60.0,
) -> list[np.ndarray]:
    """Asks a server for the labels of images.

    Args:
        server: its REST address, such as `http://localhost:8501`.
        model_name: what the server was told with `--model_name`.
        image_files: the contents of PNG or JPEG files; sizes may differ.
        version: of the model; None takes what the server considers current.
        timeout: seconds to wait for the server.

    Returns:
        One array of class ids an image, [H,W] uint8.

    Raises:
        UserError: the server cannot be reached, refuses the request or answers something else.
    """
    url = predict_url(server, model_name, version)
    body, headers = encode_request(image_files), {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=timeout) as response:
            answer = response.read()
    except urllib.error.HTTPError as error:
        raise UserError(f"{url}: status {error.code}: {_error_text(error.read())}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: not a URL
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UserError(f"{url}: no answer ({reason}); is the server running there?") from None
    labels = decode_response(answer)
    if len(labels) != len(image_files):
        raise UserError(f"{url}: {len(labels)} labels for {len(image_files)} images.")
    return labels


def predict_url(server: str, model_name: str, version: int | None = None) -> str:
    """Where a model's predictions are asked for."""
    place = "" if version is None else f"/versions/{version}"
    return f"{server.rstrip('/')}/v1/models/{model_name}{place}:predict"


def encode_request(image_files: Sequence[bytes]) -> bytes:
    """The JSON body of a request: binary values are objects {"b64": ...}."""
    instances = [
        {"image_bytes": {"b64": base64.b64encode(content).decode("ascii")}}
        for content in image_files
    ]
    return json.dumps({"signature_name": SIGNATURE, "instances": instances}).encode()


def decode_response(body: bytes) -> list[np.ndarray]:
    """Class ids, [H,W] uint8 an image, from the JSON body of an answer.

    Raises:
        UserError: it is not an answer of the `encoded` signature.
    """
    try:
        predictions = json.loads(body)["predictions"]
        return [_decode_label(prediction["b64"]) for prediction in predictions]
    except (ValueError, KeyError, TypeError, binascii.Error, OSError) as error:
        text = body[:200].decode(errors="replace")
        raise UserError(
            f"not an answer of the signature '{SIGNATURE}' ({type(error).__name__}): {text}"
        ) from None


def _decode_label(b64: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(b64, validate=True))) as png:
        return np.array(png)


def _error_text(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
