"""The client, and a plain stub, against a gRPC PredictionService with an export behind it."""

import io
import threading

import grpc
import numpy as np
import pytest
import tensorflow as tf
from export_testing import GREY_SPEC
from PIL import Image
from prediction_service import Service, serve
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfadvseg.errors import UserError
from tfadvseg.evaluation.whole_images import predict_label
from tfadvseg.export.client import predict_each, predict_labels
from tfadvseg.export.exported import load_exported
from tfadvseg.export.grpc_client import CHANNEL_OPTIONS

grey_alone = pytest.mark.parametrize("exported", [GREY_SPEC], ids=["grey"], indirect=True)


@pytest.fixture
def service(exported) -> Service:
    return Service("cells", exported.folder)


@pytest.fixture
def server(service):
    with serve(service) as address:
        yield f"grpc://{address}"


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG")
    return buffer.getvalue()


def expected_label(exported, image: np.ndarray) -> np.ndarray:
    """By the export itself."""
    predictor = load_exported(exported.folder)
    return predictor.predict_probabilities(image[np.newaxis])[0].argmax(-1)


def test_labels_of_images_of_two_sizes(server, service, exported):
    images = [exported.images(20, 31)[0], exported.images(12, 8)[0]]
    labels = predict_labels(server, "cells", [png(image) for image in images])
    for image, label in zip(images, labels, strict=True):
        assert label.dtype == np.uint8
        np.testing.assert_array_equal(label, expected_label(exported, image))
    assert len(service.requests) == 1


@grey_alone
def test_versions_and_labels_are_asked_for(server, exported):
    files = [png(exported.images(8, 8)[0])]
    for choice in ({"version": 1}, {"version_label": "stable"}):
        (label,) = predict_labels(server, "cells", files, **choice)
        assert label.shape == (8, 8)
    for choice in ({"version": 2}, {"version_label": "canary"}):
        with pytest.raises(UserError, match="NOT_FOUND: Servable not found"):
            predict_labels(server, "cells", files, **choice)
    with pytest.raises(UserError, match="give one of them"):
        predict_labels(server, "cells", files, version=1, version_label="stable")


@grey_alone
def test_one_bad_image_in_fifty(server, service, exported):
    files = [png(exported.images(8, 8 + number)[0]) for number in range(50)]
    files[17] = b"not an image"
    answers = predict_each(server, "cells", files)
    assert [number for number, a in enumerate(answers) if isinstance(a, UserError)] == [17]
    assert "INVALID_ARGUMENT" in str(answers[17])
    assert all(a.shape == (8, 8 + n) for n, a in enumerate(answers) if n != 17)
    assert len(service.requests) == 51
    with pytest.raises(UserError, match=r"image 17 of 50: .*INVALID_ARGUMENT"):
        predict_labels(server, "cells", files)


@grey_alone
def test_messages_beyond_four_megabytes(server, exported):
    """The client's own; a plain stub needs the channel's options for answers that large."""
    image = np.random.default_rng(0).integers(0, 256, (2100, 2100, 1), np.uint8)
    content = png(image)
    assert len(content) > 4 * 2**20
    (label,) = predict_labels(server, "cells", [content])
    assert label.shape == (2100, 2100)

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "cells"
    request.inputs["image"].CopyFrom(tf.make_tensor_proto(image[np.newaxis, :700, :800]))
    address = server.removeprefix("grpc://")
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.Predict(request, timeout=60)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(request, timeout=60)
    probabilities = tf.make_ndarray(response.outputs["probabilities"])
    assert probabilities.shape == (1, 700, 800, 2)
    got = tf.make_ndarray(response.outputs["label"])[0]
    np.testing.assert_array_equal(got, expected_label(exported, image[:700, :800]))


@grey_alone
def test_a_plain_stub_asks_whether_a_model_is_served(server):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "cells"
    with grpc.insecure_channel(server.removeprefix("grpc://")) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        (status,) = stub.GetModelStatus(request, timeout=60).model_version_status
    assert (status.version, status.state) == (1, status.AVAILABLE)


@grey_alone
def test_unavailable_is_tried_again(server, service, exported):
    service.unavailable = 2
    (label,) = predict_labels(server, "cells", [png(exported.images(8, 8)[0])])
    assert label.shape == (8, 8)
    assert len(service.requests) == 3


def test_no_server():
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9: no answer"):
        predict_labels("grpc://127.0.0.1:9", "cells", [b""], timeout=5)


@grey_alone
def test_a_server_that_does_not_answer_in_time(server, service, exported, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(service, "_check_model", lambda *_: released.wait(60))
    try:
        with pytest.raises(UserError, match=r"no answer .*within 0.5 s"):
            predict_labels(server, "cells", [png(exported.images(8, 8)[0])], timeout=0.5)
    finally:
        released.set()


@grey_alone
def test_large_images_are_sent_in_tiles(server, service, exported):
    image = exported.images(150, 210)[0]
    small = exported.images(20, 20)[0]
    label, other = predict_labels(server, "cells", [png(image), png(small)], tile=96)
    assert label.shape == (150, 210) and other.shape == (20, 20)
    assert len(service.requests) > 4
    # The same tiles, whose probabilities are blended where they overlap.
    blended = predict_label(load_exported(exported.folder), image, tile=96)
    assert (label == blended).mean() > 0.98
    np.testing.assert_array_equal(other, expected_label(exported, small))
    with pytest.raises(UserError, match="tile=20"):
        predict_labels(server, "cells", [png(image)], tile=20)
