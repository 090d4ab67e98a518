"""TensorFlow Serving's REST interface: https://www.tensorflow.org/tfx/serving/api_rest."""

import base64
import binascii
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Sequence

import numpy as np

from tfadvseg.errors import UserError
from tfadvseg.export.serving_answers import (
    INPUT,
    SIGNATURE,
    RefusedError,
    decode_label,
    no_answer,
    not_an_answer,
)


def predict_by_rest(
    server: str,
    model_name: str,
    version: int | None,
    version_label: str | None,
    timeout: float,
    image_files: Sequence[bytes],
) -> list[np.ndarray]:
    """Labels of images, by one request; arguments as for `client.predict_labels`.

    Raises:
        RefusedError: the server refuses the images (status 400).
        UserError: it cannot be reached, refuses the request for another reason, or answers
            something else.
    """
    url = predict_url(server, model_name, version, version_label)
    body, headers = encode_request(image_files), {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=timeout) as response:
            answer = response.read()
    except urllib.error.HTTPError as error:
        kind = RefusedError if error.code == http.client.BAD_REQUEST else UserError
        raise kind(f"{url}: status {error.code}: {_error_text(error.read())}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: not a URL
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise no_answer(url, reason) from None
    labels = decode_response(answer)
    if len(labels) != len(image_files):
        raise UserError(f"{url}: {len(labels)} labels for {len(image_files)} images.")
    return labels


def predict_url(
    server: str, model_name: str, version: int | None = None, version_label: str | None = None
) -> str:
    """Where a model's predictions are asked for."""
    place = "" if version is None else f"/versions/{version}"
    if version_label is not None:
        place = f"/labels/{version_label}"
    return f"{server.rstrip('/')}/v1/models/{model_name}{place}:predict"


def encode_request(image_files: Sequence[bytes]) -> bytes:
    """The JSON body of a request: binary values are objects {"b64": ...}."""
    instances = [
        {INPUT: {"b64": base64.b64encode(content).decode("ascii")}} for content in image_files
    ]
    return json.dumps({"signature_name": SIGNATURE, "instances": instances}).encode()


def decode_response(body: bytes) -> list[np.ndarray]:
    """Class ids, [H,W] uint8 per image, from the JSON body of an answer.

    Raises:
        UserError: it is not an answer of the `encoded` signature.
    """
    try:
        predictions = json.loads(body)["predictions"]
        return [
            decode_label(base64.b64decode(prediction["b64"], validate=True))
            for prediction in predictions
        ]
    except (ValueError, KeyError, TypeError, binascii.Error, OSError) as error:
        raise not_an_answer(error, body[:200].decode(errors="replace")) from None


def _error_text(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
