"""Code shared by the TFDS builders of GTA5 and Cityscapes: examples with or without Beam."""

import functools
from collections.abc import Sequence
from typing import Any

from .street_files import Frame, Numbering, to_example


def examples(frames: Sequence[Frame], numbering: Numbering, beam: bool) -> Any:
    """Examples in the order of the frames, the same with and without Beam.

    Args:
        frames: of one split.
        numbering: of their labels.
        beam: return a Beam transform, for TFDS to run on its configured runner, instead of an
            iterator.

    Raises:
        ImportError: `beam` is set and Beam is not installed.
    """
    numbered = list(enumerate(frames))
    make = functools.partial(to_example, numbering=numbering)
    if not beam:
        return map(make, numbered)
    try:
        import apache_beam
    except ImportError:
        raise ImportError(
            "This configuration needs Apache Beam, which is not installed; pip install "
            "apache-beam, or choose the configuration without _beam."
        ) from None
    # Reshuffled, because otherwise a runner may keep all frames on the worker that lists them.
    steps = apache_beam.Create(numbered) | apache_beam.Reshuffle()
    return steps | apache_beam.Map(make)
