"""The client against a server that follows TensorFlow Serving's REST rules.

The server parses requests by the published rules (row format; a binary value is an object with
the single key `b64`; an output named *_bytes is written as such an object; a signature with one
output lists its values directly) and runs the SavedModel's own signature.
"""

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfadvseg.errors import UserError
from tfadvseg.export.client import predict_each, predict_labels
from tfadvseg.export.rest_client import decode_response, encode_request, predict_url


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def serve_row_format(signatures, body: bytes) -> dict:
    """The answer of TensorFlow Serving; raises ValueError where it would refuse."""
    request = json.loads(body)
    function = signatures[request.get("signature_name", "serving_default")]
    _, parameters = function.structured_input_signature
    columns: dict[str, list] = {name: [] for name in parameters}
    for instance in request["instances"]:
        if set(instance) != set(columns):
            raise ValueError(f"inputs {sorted(instance)} are not {sorted(columns)}")
        for name, value in instance.items():
            if set(value) != {"b64"}:
                raise ValueError("a binary value is an object with the key b64")
            columns[name].append(base64.b64decode(value["b64"], validate=True))
    outputs = function(**{name: tf.constant(column) for name, column in columns.items()})
    ((name, tensor),) = outputs.items()
    if not name.endswith("_bytes"):
        raise ValueError(f"{name} would be written as text")
    return {"predictions": [{"b64": base64.b64encode(v).decode()} for v in tensor.numpy()]}


@pytest.fixture(scope="module")
def server(exported) -> Iterator[str]:
    signatures = tf.saved_model.load(str(exported.folder)).signatures

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path not in ("/v1/models/cells:predict", "/v1/models/cells/versions/1:predict"):
                self.answer(404, {"error": "Servable not found for request"})
                return
            try:
                self.answer(200, serve_row_format(signatures, body))
            except (ValueError, KeyError, tf.errors.OpError) as error:
                self.answer(400, {"error": str(error)})

        def answer(self, status: int, content: dict) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG")
    return buffer.getvalue()


def test_labels_of_images_of_two_sizes(server, exported):
    images = [exported.images(20, 31)[0], exported.images(12, 8)[0]]
    labels = predict_labels(server, "cells", [png(image) for image in images])
    for image, label in zip(images, labels, strict=True):
        expected = exported.expected_probabilities(image[np.newaxis])[0]
        ordered = np.sort(expected, axis=-1)
        certain = ordered[..., -1] - ordered[..., -2] > 1e-4
        assert label.dtype == np.uint8
        assert label.shape == image.shape[:2]
        np.testing.assert_array_equal(label[certain], expected.argmax(axis=-1)[certain])


def test_a_version_can_be_named(server, exported):
    files = [png(exported.images(8, 8)[0])]
    (current,) = predict_labels(server, "cells", files)
    (named,) = predict_labels(f"{server}/", "cells", files, version=1)
    np.testing.assert_array_equal(current, named)


def test_refusals_are_one_clear_line(server):
    with pytest.raises(UserError, match="status 404: Servable not found"):
        predict_labels(server, "others", [b""])
    with pytest.raises(UserError, match="status 400: "):
        predict_labels(server, "cells", [b"not an image"])


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "localhost:8501", ""])
def test_no_server(address):
    with pytest.raises(UserError, match=r"no answer"):
        predict_labels(address, "cells", [b""], timeout=5)


def test_one_bad_image_does_not_cost_the_others(server, exported):
    files = [png(exported.images(8, 9)[0]), b"not an image", png(exported.images(9, 8)[0])]
    first, bad, last = predict_each(server, "cells", files)
    assert first.shape == (8, 9) and last.shape == (9, 8)
    assert isinstance(bad, UserError) and "status 400" in str(bad)
    with pytest.raises(UserError, match=r"image 1 of 3: .*status 400"):
        predict_labels(server, "cells", files)


def test_address():
    assert (
        predict_url("http://h:1", "m", None, "canary")
        == "http://h:1/v1/models/m/labels/canary:predict"
    )
    assert predict_url("http://h:1/", "m", 3) == "http://h:1/v1/models/m/versions/3:predict"


def test_request_body():
    assert json.loads(encode_request([b"\x89P", b"\xff"])) == {
        "signature_name": "encoded",
        "instances": [{"image_bytes": {"b64": "iVA="}}, {"image_bytes": {"b64": "/w=="}}],
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"predictions": 3}',
        b'{"predictions": ["x"]}',
        b'{"predictions": [{"b64": "?"}]}',
        b'{"predictions": [{"b64": "iVA="}]}',
        b'{"outputs": []}',
    ],
)
def test_other_answers(body):
    with pytest.raises(UserError, match="not an answer of the signature 'encoded'"):
        decode_response(body)
