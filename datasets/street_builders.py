"""What the TFDS builders of GTA5 and Cityscapes share: the way through Beam."""

import functools
from collections.abc import Sequence
from typing import Any

from .street_files import Frame, Numbering, to_example


def examples(frames: Sequence[Frame], numbering: Numbering, beam: bool) -> Any:
    """Examples in the order of the frames, by either way the same.

    Args:
        frames: of one split.
        numbering: of their labels.
        beam: give a Beam transform, for TFDS to run on the runner it is told, instead of an
            iterator.

    Raises:
        ImportError: Beam is asked for and not installed.
    """
    numbered = list(enumerate(frames))
    make = functools.partial(to_example, numbering=numbering)
    if not beam:
        return map(make, numbered)
    try:
        import apache_beam
    except ImportError:
        raise ImportError(
            "This configuration prepares with Apache Beam, which is not installed: pip install "
            "apache-beam, or choose the one without _beam."
        ) from None
    # Reshuffled, or a runner may keep all frames on the worker that lists them.
    steps = apache_beam.Create(numbered) | apache_beam.Reshuffle()
    return steps | apache_beam.Map(make)
