"""Files of named tensors: PyTorch's `.pth`, NumPy's `.npz`, and `.safetensors`."""

import io
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from tfadvseg.errors import UserError
from tfadvseg.files.atomic import write_bytes

Tensors = dict[str, np.ndarray]
"""Arrays by name, in the order of the file."""

_Codec = TypeVar("_Codec")


def read_tensors(path: str | Path) -> Tensors:
    """Reads a file of named tensors.

    `.pth` and `.pt` need the extra `torch`. They are read with `weights_only`, so that no code in
    them is executed, and a `state_dict` within a checkpoint's dictionary is found. Floating-point
    values are returned as float32, integers as int64.

    Raises:
        UserError: the file is absent, damaged, of another format, or contains more than tensors.
    """
    path = Path(path)
    reader = _choose(path, {".npz": _read_npz, ".safetensors": _read_safetensors}, _read_pth)
    if not path.exists():
        raise UserError(f"{path}: no such file.")
    try:
        tensors = reader(path)
    except OSError as error:
        raise UserError(f"{path}: cannot read it ({error.strerror or error}).") from None
    return {name: _plain(path, name, value) for name, value in tensors.items()}


def check_kind(path: str | Path) -> None:
    """Refuses a path by its format alone, as `read_tensors` and `write_tensors` would.

    Raises:
        UserError: the suffix is unknown, or PyTorch is needed and not installed.
    """
    path = Path(path)
    if _choose(path, dict.fromkeys((".npz", ".safetensors"), False), True):
        _import_torch(path)


def write_tensors(path: str | Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes a file of named tensors atomically; the suffix selects the format.

    Raises:
        UserError: the suffix is unknown, or the file cannot be written.
    """
    path = Path(path)
    writer = _choose(path, {".npz": _npz_bytes, ".safetensors": _safetensors_bytes}, _pth_bytes)
    content = writer(tensors)
    try:
        write_bytes(path, content)
    except OSError as error:
        raise UserError(f"{path}: cannot write it ({error.strerror}).") from None


def _choose(path: Path, by_suffix: dict[str, _Codec], torch: _Codec) -> _Codec:
    kinds = by_suffix | {".pth": torch, ".pt": torch}
    if path.suffix not in kinds:
        raise UserError(f"{path}: unknown format of weights; use one of {', '.join(kinds)}.")
    return kinds[path.suffix]


def _plain(path: Path, name: str, value: np.ndarray) -> np.ndarray:
    if value.dtype == ml_dtypes.bfloat16:  # NumPy does not count it as a float
        value = value.astype(np.float32)
    if value.dtype.kind in "iub":
        return value.astype(np.int64)
    if value.dtype.kind != "f":
        raise UserError(f"{path}: {name} has type {value.dtype}; expected numbers.")
    value = value.astype(np.float32)
    if not np.isfinite(value).all():
        raise UserError(f"{path}: {name} contains values that are not finite.")
    return value


def _read_npz(path: Path) -> Tensors:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (
        ValueError,
        EOFError,
        KeyError,
        AttributeError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise UserError(f"{path}: damaged, or not a .npz of plain arrays ({error}).") from None


def _npz_bytes(tensors: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **tensors)
    return buffer.getvalue()


_SAFETENSORS_TYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
"""Types of weights, by their names in the file."""


def _read_safetensors(path: Path) -> Tensors:
    try:
        # Without safetensors.numpy, which does not support bfloat16.
        return {
            name: np.frombuffer(fields["data"], _SAFETENSORS_TYPES[fields["dtype"]]).reshape(
                fields["shape"]
            )
            for name, fields in safetensors.deserialize(path.read_bytes())
        }
    except (safetensors.SafetensorError, KeyError) as error:
        raise UserError(f"{path}: damaged, or not a safetensors file ({error}).") from None


def _safetensors_bytes(tensors: Mapping[str, np.ndarray]) -> bytes:
    return safetensors.numpy.save(
        {
            name: np.array(value, np.int64 if value.dtype.kind == "i" else np.float32, order="C")
            for name, value in tensors.items()
        }
    )


def _import_torch(path: Path) -> ModuleType:
    try:
        import torch
    except ImportError:
        raise UserError(
            f"{path}: needs PyTorch (pip install 'tfadvseg[torch]'), or use .npz or .safetensors, "
            "formats in which a state_dict can be saved and loaded from PyTorch."
        ) from None
    return torch


def _read_pth(path: Path) -> Tensors:
    torch = _import_torch(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        ValueError,
        EOFError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
    ) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"{path}: damaged, or contains more than tensors ({reason}).") from None
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(map(torch.is_tensor, content.values())):
        raise UserError(f"{path}: not a state_dict (a dictionary of tensors).")
    is_whole = {name: not torch.is_floating_point(value) for name, value in content.items()}
    # NumPy has no bfloat16, so convert while still in PyTorch.
    return {
        name: value.detach().to(torch.int64 if is_whole[name] else torch.float32).numpy()
        for name, value in content.items()
    }


def _pth_bytes(tensors: Mapping[str, np.ndarray]) -> bytes:
    torch = _import_torch(Path(".pth"))
    buffer = io.BytesIO()
    torch.save({name: torch.from_numpy(value.copy()) for name, value in tensors.items()}, buffer)
    return buffer.getvalue()
