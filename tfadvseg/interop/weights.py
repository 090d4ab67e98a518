"""Loading a published file into a network, exactly or as initial weights, and writing one.

Every name and shape is checked before the first variable changes, so a network is either loaded or
left unchanged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from tfadvseg.errors import UserError
from tfadvseg.interop.entries import entries
from tfadvseg.interop.sources import EXACT, Source
from tfadvseg.interop.tensor_files import Tensors, read_tensors, write_tensors
from tfadvseg.models.deeplab_v2 import ResNetBody

_NAMES_SHOWN = 4


@dataclass(frozen=True)
class Report:
    """The result of `initialise`, by names in our network, or in the file for `unused`.

    Attributes:
        loaded: entries taken from the file.
        fresh: entries that keep their initial values.
        unused: entries of the file that the network lacks.
    """

    loaded: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{len(self.loaded)} entries loaded; {len(self.fresh)} keep their initial values "
            f"({_listed(self.fresh)}); {len(self.unused)} entries of the file unused "
            f"({_listed(self.unused)})"
        )


def restore(model: tf.keras.Model, path: str | Path) -> None:
    """Loads a file that contains exactly this network.

    Only batch norm's `num_batches_tracked` may be absent, as in files from before PyTorch 0.4.1; it
    has no effect.

    Raises:
        UserError: the file cannot be read, a name is missing or extra, or a shape differs; the
            network is unchanged.
    """
    _load(model, path, EXACT)


def initialise(model: tf.keras.Model, path: str | Path, source: Source) -> Report:
    """Loads a published file as initial weights.

    Args:
        model: a network that `entries.entries` knows.
        path: `.pth`, `.npz` or `.safetensors`.
        source: the kind of file, which defines how it may differ (`interop.sources`).

    Returns:
        The differences found, all of them allowed by `source`.

    Raises:
        UserError: the file cannot be read, differs in another way, or its bottlenecks stride in
            another convolution than the network's; the network is unchanged.
    """
    body = getattr(model, "body", None)
    if isinstance(body, ResNetBody) and source.stride_place not in (None, body.stride_place):
        raise UserError(
            f"{path}: {source.name} strides in the {source.stride_place} convolution of a "
            f"bottleneck, this network in the {body.stride_place}; give "
            f"--stride_place={source.stride_place}."
        )
    return _load(model, path, source)


def save(model: tf.keras.Model, path: str | Path) -> None:
    """Writes the network's `state_dict` in the format that the published PyTorch code loads.

    `.pth` (extra `torch`), `.npz` (one array per entry, for `torch.from_numpy`) or `.safetensors`.

    Raises:
        UserError: the file cannot be written.
    """
    write_tensors(path, {entry.name: entry.value() for entry in entries(model)})


def _load(model: tf.keras.Model, path: str | Path, source: Source) -> Report:
    tensors, unused = _in_our_names(path, read_tensors(path), source)
    by_name = {entry.name: entry for entry in entries(model)}
    loaded = [name for name in by_name if name in tensors]
    absent = [name for name, entry in by_name.items() if name not in tensors]
    absent = [name for name in absent if not by_name[name].is_counter]
    fresh = [name for name in absent if _starts_with_any(name, source.fresh)]
    problems = {
        "missing": [name for name in absent if name not in fresh],
        "unexpected": [name for name in tensors if name not in by_name],
        "of another shape": [
            f"{name} {tensors[name].shape} for {by_name[name].shape}"
            for name in loaded
            if tensors[name].shape != by_name[name].shape
        ],
    }
    found = [f"{len(names)} {what} ({_listed(names)})" for what, names in problems.items() if names]
    if found:
        raise UserError(
            f"{path}: does not fit {model.name} as {source.name}: {'; '.join(found)}. Nothing was "
            "loaded."
        )
    # A bias moves the mean that is assigned before it.
    for name in sorted(loaded, key=lambda name: by_name[name].subtracted_from is not None):
        by_name[name].assign(tensors[name])
    return Report(tuple(loaded), tuple(fresh), unused)


def _in_our_names(
    path: str | Path, tensors: Tensors, source: Source
) -> tuple[Tensors, tuple[str, ...]]:
    """The file's tensors under our names, and the names of those that `source` ignores."""
    foreign = [name for name in tensors if not name.startswith(source.prefix)]
    if foreign:
        raise UserError(
            f"{path}: not {source.name}, in which every name begins with '{source.prefix}' "
            f"({_listed(foreign)}). Nothing was loaded."
        )
    ours, unused = {}, []
    for name, value in tensors.items():
        short_name = name.removeprefix(source.prefix)
        if _starts_with_any(short_name, source.unused):
            unused.append(name)
        else:
            ours[_renamed(short_name, source.renames)] = value
    return ours, tuple(unused)


def _renamed(name: str, renames: tuple[tuple[str, str], ...]) -> str:
    for theirs, ours in renames:
        if _starts_with_any(name, (theirs,)):
            return ours + name.removeprefix(theirs)
    return name


def _starts_with_any(name: str, beginnings: Iterable[str]) -> bool:
    return any(name == start or name.startswith(f"{start}.") for start in beginnings)


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
