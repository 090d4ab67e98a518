"""A gRPC `PredictionService` with an export behind it, by the rules of TensorFlow Serving.

It answers `Predict` as `tensorflow_serving/servables/tensorflow/predict_util.cc` does: the model's
name, version or label choose the servable (NOT_FOUND); the signature's inputs must be there, of
their dtypes (INVALID_ARGUMENT); outputs are those of the signature. `ModelService` tells versions.
"""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)


@dataclass
class Service(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    """Serves one version of a model.

    Attributes:
        name, version, label: by which it is asked for.
        folder: of the export.
        unavailable: so many requests are first answered by UNAVAILABLE.
        requests: as they came.
    """

    name: str
    folder: Path
    version: int = 1
    label: str = "stable"
    unavailable: int = 0
    requests: list[predict_pb2.PredictRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._loaded = tf.saved_model.load(str(self.folder))

    def Predict(self, request, context) -> predict_pb2.PredictResponse:
        self.requests.append(request)
        if self.unavailable:
            self.unavailable -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "starting")
        self._check_model(request.model_spec, context)
        signature = request.model_spec.signature_name or "serving_default"
        if signature not in self._loaded.signatures:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"no signature {signature}")
        function = self._loaded.signatures[signature]
        _, inputs = function.structured_input_signature
        if set(request.inputs) != set(inputs):
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"inputs {sorted(request.inputs)} are not {sorted(inputs)}",
            )
        for name, spec in inputs.items():
            if request.inputs[name].dtype != spec.dtype.as_datatype_enum:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{name}: wrong type")
        try:
            outputs = function(
                **{name: tf.constant(tf.make_ndarray(request.inputs[name])) for name in inputs}
            )
        except tf.errors.OpError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(request.model_spec)
        response.model_spec.version.value = self.version
        for name, tensor in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(tensor.numpy()))
        return response

    def GetModelStatus(self, request, context) -> get_model_status_pb2.GetModelStatusResponse:
        self._check_model(request.model_spec, context)
        response = get_model_status_pb2.GetModelStatusResponse()
        status = response.model_version_status.add(version=self.version)
        status.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        return response

    def _check_model(self, asked, context) -> None:
        known = asked.name == self.name
        if asked.WhichOneof("version_choice") == "version":
            known &= asked.version.value == self.version
        elif asked.WhichOneof("version_choice") == "version_label":
            known &= asked.version_label == self.label
        if not known:
            context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request")


@contextmanager
def serve(service: Service) -> Iterator[str]:
    """Serves on a free port of this machine; yields HOST:PORT."""
    # TensorFlow Serving takes messages of any size, too.
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(2), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
