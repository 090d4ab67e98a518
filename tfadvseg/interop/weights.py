"""Loading a published file into a network, in full or as a start, and writing one back.

Every name and shape is checked before the first variable changes, so that a network is either
loaded or left as it was.
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
    """What `initialise` did, by the names in our network, or in the file for `unused`.

    Attributes:
        loaded: entries taken from the file.
        fresh: entries that keep their initial values.
        unused: entries of the file that the network has no place for.
    """

    loaded: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{len(self.loaded)} entries loaded; {len(self.fresh)} keep their initial values "
            f"({_listed(self.fresh)}); {len(self.unused)} of the file unused "
            f"({_listed(self.unused)})"
        )


def restore(model: tf.keras.Model, path: str | Path) -> None:
    """Loads a file that holds exactly this network.

    Only batch norm's `num_batches_tracked` may be absent, as it was before PyTorch 0.4.1: nothing
    is computed from it.

    Raises:
        UserError: the file cannot be read, or a name is missing or extra, or a shape differs;
            the network is as it was.
    """
    _load(model, path, EXACT)


def initialise(model: tf.keras.Model, path: str | Path, source: Source) -> Report:
    """Loads a published file as a starting point.

    Args:
        model: a network that `entries.entries` knows.
        path: `.pth`, `.npz` or `.safetensors`.
        source: what kind of file it is, and so how it may differ (`interop.sources`).

    Returns:
        Which differences there were, all of them allowed for `source`.

    Raises:
        UserError: the file cannot be read, or differs in another way, or the network strides
            elsewhere than the one the weights come from; the network is as it was.
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
    """Writes the network's `state_dict`, as the published PyTorch code loads it.

    `.pth` (extra `torch`), `.npz` (an array an entry, for `torch.from_numpy`) or `.safetensors`.

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
    """The file's tensors by our names, and the names of those that the source lets us leave out."""
    foreign = [name for name in tensors if not name.startswith(source.prefix)]
    if foreign:
        raise UserError(
            f"{path}: not {source.name}, in which every name begins with '{source.prefix}' "
            f"({_listed(foreign)}). Nothing was loaded."
        )
    ours, unused = {}, []
    for name, value in tensors.items():
        own = name.removeprefix(source.prefix)
        if _starts_with_any(own, source.unused):
            unused.append(name)
        else:
            ours[_renamed(own, source.renames)] = value
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
