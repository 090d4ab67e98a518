"""Writes `dummy_data/`: tiny stacks in the challenge's layout, for the builder's test."""

from pathlib import Path

import numpy as np
from PIL import Image


def main() -> None:
    folder = Path(__file__).parent / "dummy_data"
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    shape = (24, 32)
    _write(folder / "train-volume.tif", rng.integers(0, 256, (3, *shape), dtype=np.uint8))
    _write(folder / "train-labels.tif", rng.choice(np.array([0, 255], np.uint8), (3, *shape)))
    _write(folder / "test-volume.tif", rng.integers(0, 256, (2, *shape), dtype=np.uint8))


def _write(path: Path, stack: np.ndarray) -> None:
    first, *others = (Image.fromarray(page) for page in stack)
    first.save(path, save_all=True, append_images=others)


if __name__ == "__main__":
    main()
