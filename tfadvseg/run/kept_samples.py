"""Predictions of a few validation images that a run keeps, for the report's page to show."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadvseg.files import atomic

MOST = 12
"""Images that are kept, evenly spread over all."""

_LONGEST_SIDE = 512
"""Pixels; of larger images every second, third, ... pixel is kept."""


class KeptSamples:
    """Collects predictions while whole images are measured (`evaluation.report.Keep`)."""

    def __init__(self, images: int) -> None:
        """Chooses which of so many images to keep."""
        self._chosen = set(np.linspace(0, images - 1, min(MOST, images)).round().astype(int))
        self._arrays: dict[str, np.ndarray] = {}
        self._numbers: list[int] = []

    def __call__(
        self, number: int, image: np.ndarray, label: np.ndarray, probabilities: np.ndarray
    ) -> None:
        if number not in self._chosen:
            return
        step = -(-max(label.shape) // _LONGEST_SIDE)
        sure = probabilities.max(axis=-1)
        arrays = {
            "image": image,
            "label": label,
            "prediction": probabilities.argmax(axis=-1),
            "confidence": np.rint(255 * sure),
        }
        for name, array in arrays.items():
            # Bytes hold every class id and `IGNORE_LABEL`; pixels of other depths were scaled.
            self._arrays[f"{name}_{len(self._numbers)}"] = array[::step, ::step].astype(np.uint8)
        self._numbers.append(number)

    def write(self, path: Path, keys: Sequence[str]) -> None:
        """Writes what was kept as NumPy's .npz; `keys` names all images."""
        file = io.BytesIO()
        names = np.array([keys[number] for number in self._numbers], str)
        np.savez_compressed(file, keys=names, numbers=np.array(self._numbers), **self._arrays)
        atomic.write_bytes(path, file.getvalue())
