"""A client of TensorFlow Serving for the `encoded` signature, by REST or gRPC.

REST needs Pillow and NumPy only; gRPC also tensorflow-serving-api, and therefore TensorFlow.
"""

import io
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PIL import Image

from tfadvseg.errors import UserError
from tfadvseg.evaluation.tiling import predict_labels_tiled
from tfadvseg.export.rest_client import predict_by_rest
from tfadvseg.export.serving_answers import RefusedError

Send = Callable[[Sequence[bytes]], list[np.ndarray]]
"""Files of images to their labels, in one request."""

LARGEST_REQUEST = 64 * 2**20
"""Bytes of image files that one request holds at most, unless it is a single image."""

_GRPC = "grpc://"


def predict_labels(
    server: str,
    model_name: str,
    image_files: Sequence[bytes],
    version: int | None = None,
    timeout: float = 60.0,
    *,
    version_label: str | None = None,
    tile: int | None = None,
) -> list[np.ndarray]:
    """Asks a server for the labels of images.

    Args:
        server: `http://localhost:8501` for REST, `grpc://localhost:8500` for gRPC.
        model_name: what the server was told with `--model_name`.
        image_files: the contents of PNG or JPEG files; sizes may differ.
        version: of the model; None takes what the server considers current.
        timeout: seconds to wait for each request. gRPC tries again within it if the server is not
            available.
        version_label: of the model, in place of `version`: `stable` or `canary`, as the server's
            model_config_file says.
        tile: images higher or wider than this many pixels are sent as overlapping tiles, for
            servers that do not take whole ones. Models that resize need whole images.

    Returns:
        One array of class ids per image, [H,W] uint8.

    Raises:
        UserError: the server cannot be reached, refuses an image, or answers something else.
    """
    answers = predict_each(
        server,
        model_name,
        image_files,
        version,
        timeout,
        version_label=version_label,
        tile=tile,
    )
    labels = []
    for number, answer in enumerate(answers):
        if isinstance(answer, UserError):
            raise UserError(f"image {number} of {len(answers)}: {answer}")
        labels.append(answer)
    return labels


def predict_each(
    server: str,
    model_name: str,
    image_files: Sequence[bytes],
    version: int | None = None,
    timeout: float = 60.0,
    *,
    version_label: str | None = None,
    tile: int | None = None,
) -> list[np.ndarray | UserError]:
    """Like `predict_labels`, but an image that the server refuses does not cost the others.

    Returns:
        Labels as from `predict_labels`, or why there are none, for each image.

    Raises:
        UserError: the server cannot be reached, does not know the model, or answers something
            else.
    """
    if version is not None and version_label is not None:
        raise UserError("version and version_label: give one of them.")
    if server.startswith(_GRPC):
        # Here, because REST needs no TensorFlow.
        from tfadvseg.export.grpc_client import GrpcModel

        with GrpcModel(
            server.removeprefix(_GRPC), model_name, version, version_label, timeout
        ) as model:
            return _predict_each(model.predict, image_files, tile)
    send = partial(predict_by_rest, server, model_name, version, version_label, timeout)
    return _predict_each(send, image_files, tile)


def _predict_each(
    send: Send, image_files: Sequence[bytes], tile: int | None
) -> list[np.ndarray | UserError]:
    answers: list[np.ndarray | UserError] = []
    together: list[bytes] = []
    for content in image_files:
        image = None if tile is None else _larger_than(content, tile)
        if image is None:
            if together and sum(map(len, together)) + len(content) > LARGEST_REQUEST:
                answers += _send(send, together)
                together = []
            together.append(content)
        else:
            answers += _send(send, together)
            together = []
            answers.append(_send_tiles(send, image, tile or 0))
    return answers + _send(send, together)


def _send(send: Send, image_files: Sequence[bytes]) -> list[np.ndarray | UserError]:
    """One request; if it is refused, one for each image, to find the ones at fault."""
    if not image_files:
        return []
    try:
        return [*send(image_files)]
    except RefusedError as error:
        if len(image_files) == 1:
            return [error]
    return [answer for content in image_files for answer in _send(send, [content])]


def _send_tiles(send: Send, image: np.ndarray, tile: int) -> np.ndarray | UserError:
    def predict(part: np.ndarray) -> np.ndarray:
        buffer = io.BytesIO()
        Image.fromarray(part).save(buffer, "PNG")
        (label,) = send([buffer.getvalue()])
        return label

    try:
        return predict_labels_tiled(predict, image, tile)
    except RefusedError as error:
        return error
    except ValueError as error:
        raise UserError(f"tile={tile}: {error}") from None


def _larger_than(content: bytes, tile: int) -> np.ndarray | None:
    """The pixels of an image that is larger than a tile; None for others and for no images."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if max(image.size) <= tile:
                return None
            return np.array(image.convert("RGB") if image.mode in ("P", "CMYK") else image)
    except (OSError, ValueError, SyntaxError):
        return None  # the server says what is wrong with it
