"""The few predictions that a run keeps of its last state, read back. No TensorFlow here."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfadvseg.errors import UserError

SAMPLES = "samples.npz"


@dataclass(frozen=True)
class Sample:
    """One validation image, perhaps thinned.

    Attributes:
        key: its name.
        number: its place among the validation images.
        image: uint8 [H,W,C].
        label, prediction: uint8 [H,W] class ids; labels may hold `IGNORE_LABEL`.
        confidence: uint8 [H,W], the probability of the predicted class times 255.
    """

    key: str
    number: int
    image: np.ndarray
    label: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray


def read_samples(folder: str | Path) -> list[Sample]:
    """What a run kept; empty if it kept nothing.

    Raises:
        UserError: the file is damaged.
    """
    path = Path(folder) / SAMPLES
    names = ("image", "label", "prediction", "confidence")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return [
                Sample(str(key), int(number), **{name: arrays[f"{name}_{i}"] for name in names})
                for i, (key, number) in enumerate(
                    zip(arrays["keys"], arrays["numbers"], strict=True)
                )
            ]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, OSError) as error:
        raise UserError(f"{path}: not the samples of a run ({error}).") from None
