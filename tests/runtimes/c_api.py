"""TensorFlow's C API by ctypes: SavedModels without TensorFlow's Python.

Declarations: tensorflow/c/c_api.h, in the wheel's include folder.
"""

import ctypes as c
from importlib import metadata
from pathlib import Path

import numpy as np

_TYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 4}
"""TF_DataType."""


class _Output(c.Structure):
    _fields_ = [("oper", c.c_void_p), ("index", c.c_int)]


def _library() -> c.CDLL:
    package = Path(str(metadata.distribution("tensorflow").locate_file("tensorflow")))
    c.CDLL(str(next(package.glob("libtensorflow_framework.so.*"))), mode=c.RTLD_GLOBAL)
    library = c.CDLL(str(next(package.glob("libtensorflow_cc.so.*"))))
    for name in (
        "TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel",
        "TF_GraphOperationByName", "TF_AllocateTensor", "TF_TensorData",
    ):  # fmt: skip
        getattr(library, name).restype = c.c_void_p
    library.TF_Message.restype = c.c_char_p
    library.TF_Dim.restype = c.c_int64
    return library


class Session:
    """A SavedModel, loaded by `TF_LoadSessionFromSavedModel`."""

    def __init__(self, folder: Path) -> None:
        self._tf = _library()
        self._status = c.c_void_p(self._tf.TF_NewStatus())
        self._graph = c.c_void_p(self._tf.TF_NewGraph())
        tags = (c.c_char_p * 1)(b"serve")
        self._session = c.c_void_p(
            self._tf.TF_LoadSessionFromSavedModel(
                c.c_void_p(self._tf.TF_NewSessionOptions()),
                None,
                str(folder).encode(),
                tags,
                1,
                self._graph,
                None,
                self._status,
            )
        )
        self._check()

    def run(self, name: str, image: np.ndarray, outputs: list[str]) -> list[np.ndarray]:
        """Feeds a tensor by its name in the graph, and returns others by theirs."""
        image = np.ascontiguousarray(image)
        dims = (c.c_int64 * image.ndim)(*image.shape)
        tensor = c.c_void_p(
            self._tf.TF_AllocateTensor(
                _TYPES[image.dtype], dims, image.ndim, c.c_size_t(image.nbytes)
            )
        )
        c.memmove(self._tf.TF_TensorData(tensor), image.ctypes.data, image.nbytes)
        wanted = (_Output * len(outputs))(*map(self._output, outputs))
        results = (c.c_void_p * len(outputs))()
        self._tf.TF_SessionRun(
            self._session,
            None,
            (_Output * 1)(self._output(name)),
            (c.c_void_p * 1)(tensor),
            1,
            wanted,
            results,
            len(outputs),
            None,
            0,
            None,
            self._status,
        )
        self._check()
        return [self._array(c.c_void_p(result)) for result in results]

    def _output(self, name: str) -> _Output:
        operation, _, index = name.partition(":")
        found = self._tf.TF_GraphOperationByName(self._graph, operation.encode())
        if not found:
            raise KeyError(name)
        return _Output(found, int(index))

    def _array(self, tensor: c.c_void_p) -> np.ndarray:
        kinds = {number: dtype for dtype, number in _TYPES.items()}
        dtype = kinds[self._tf.TF_TensorType(tensor)]
        shape = [self._tf.TF_Dim(tensor, axis) for axis in range(self._tf.TF_NumDims(tensor))]
        count = int(np.prod(shape))
        content = c.string_at(self._tf.TF_TensorData(tensor), count * dtype.itemsize)
        self._tf.TF_DeleteTensor(tensor)
        return np.frombuffer(content, dtype).reshape(shape)

    def _check(self) -> None:
        if self._tf.TF_GetCode(self._status):
            raise RuntimeError(self._tf.TF_Message(self._status).decode())
