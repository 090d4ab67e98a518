"""TFDS's notation for parts of splits (`train[:20]`, `train[80%:]+test`). No TensorFlow here."""

from collections.abc import Mapping

import tensorflow_datasets as tfds

from tfadvseg.errors import UserError

Part = tuple[str, range]
"""A split's name and the selected positions."""


def resolve_slice(spec: str, counts: Mapping[str, int], flag: str) -> list[Part]:
    """Resolves a slice for splits of given lengths.

    Args:
        spec: in TFDS's notation (https://www.tensorflow.org/datasets/splits).
        counts: number of examples in each existing split.
        flag: the flag with the value `spec`, for messages.

    Raises:
        UserError: not a slice, a split that does not exist, or an empty slice.
    """
    available = ", ".join(f"{name} ({count} examples)" for name, count in counts.items())
    infos = {
        name: tfds.core.SplitInfo(name=name, shard_lengths=[count], num_bytes=0)
        for name, count in counts.items()
    }
    try:
        instructions = tfds.core.splits.AbstractSplit.from_spec(spec).to_absolute(infos)
    except (ValueError, KeyError, NotImplementedError, AssertionError):
        raise UserError(
            f"--{flag}={spec}: no such split or slice; available: {available}, and slices of them "
            "such as train[:20]."
        ) from None
    parts = [(i.splitname, range(counts[i.splitname])[i.from_ : i.to]) for i in instructions]
    if not any(positions for _, positions in parts):
        raise UserError(f"--{flag}={spec}: contains no examples; available: {available}.")
    return parts
