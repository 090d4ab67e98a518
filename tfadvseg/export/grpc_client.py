"""TensorFlow Serving's gRPC interface, `tensorflow.serving.PredictionService`.

https://github.com/tensorflow/serving/blob/master/tensorflow_serving/apis/prediction_service.proto
"""

import json
from collections.abc import Sequence

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tfadvseg.errors import UserError
from tfadvseg.export.serving_answers import (
    INPUT,
    OUTPUT,
    SIGNATURE,
    RefusedError,
    decode_label,
    no_answer,
    not_an_answer,
)

# gRPC's own repetition: https://grpc.io/docs/guides/retry. A server that starts or moves is
# unavailable for a moment.
_RETRIES = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
CHANNEL_OPTIONS = [
    # 4 MiB otherwise; large images and probabilities exceed that.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 1),
    ("grpc.service_config", json.dumps(_RETRIES)),
]


class GrpcModel:
    """A connection to a model; use it in a `with` block.

    Args:
        address: HOST:PORT.
        model_name, version, version_label, timeout: as for `client.predict_labels`.
    """

    def __init__(
        self,
        address: str,
        model_name: str,
        version: int | None,
        version_label: str | None,
        timeout: float,
    ) -> None:
        self._address = address.rstrip("/")
        self._timeout = timeout
        self._request = predict_pb2.PredictRequest()
        self._request.model_spec.name = model_name
        self._request.model_spec.signature_name = SIGNATURE
        if version is not None:
            self._request.model_spec.version.value = version
        if version_label is not None:
            self._request.model_spec.version_label = version_label

    def __enter__(self) -> "GrpcModel":
        self._channel = grpc.insecure_channel(self._address, options=CHANNEL_OPTIONS)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def predict(self, image_files: Sequence[bytes]) -> list[np.ndarray]:
        """Labels of images, by one request.

        Raises:
            RefusedError: the server refuses the images (INVALID_ARGUMENT).
            UserError: it cannot be reached or does not answer in time, refuses the request for
                another reason, or answers something else.
        """
        request = predict_pb2.PredictRequest()
        request.CopyFrom(self._request)
        request.inputs[INPUT].CopyFrom(tf.make_tensor_proto(list(image_files), tf.string))
        try:
            response = self._stub.Predict(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise self._described(error) from None
        try:
            files = response.outputs[OUTPUT].string_val
            labels = [decode_label(content) for content in files]
        except (OSError, SyntaxError) as error:
            raise not_an_answer(error, str(response)[:200]) from None
        if len(labels) != len(image_files):
            raise UserError(
                f"{self._address}: {len(labels)} labels for {len(image_files)} images; is there a "
                f"signature '{SIGNATURE}' with the output {OUTPUT}?"
            )
        return labels

    def _described(self, error: grpc.RpcError) -> UserError:
        code, details = error.code(), " ".join(error.details().split())
        if code == grpc.StatusCode.UNAVAILABLE:
            return no_answer(self._address, details)
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return no_answer(self._address, f"none within {self._timeout:g} s")
        kind = RefusedError if code == grpc.StatusCode.INVALID_ARGUMENT else UserError
        return kind(f"{self._address}: {code.name}: {details}")
