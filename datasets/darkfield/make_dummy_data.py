"""Writes `dummy_data/`: tiny images and masks in the set's layout, for the builder's test."""

from pathlib import Path

import numpy as np
from PIL import Image

# (height, width), and the classes that occur; both vary.
_IMAGES = {
    "001": ((24, 32), (0, 1, 2)),
    "002": ((31, 20), (0, 1)),
    "003": ((16, 16), (0, 1, 2)),
    "004": ((20, 25), (0, 2)),
    "010": ((24, 32), (0, 1, 2)),
}


def main() -> None:
    folder = Path(__file__).parent / "dummy_data"
    rng = np.random.default_rng(0)
    for name, (size, classes) in _IMAGES.items():
        mask = np.array(classes, np.uint8)[np.arange(size[0]) * len(classes) // size[0]]
        mask = np.repeat(mask[:, None], size[1], axis=1)
        image = 60 * mask[:, :, None] + rng.integers(0, 40, (*size, 3), dtype=np.uint8)
        # One mask as RGB, as some copies of the set have them.
        stored = np.repeat(mask[:, :, None], 3, axis=2) if name == "003" else mask
        for kind, pixels in (("images", image), ("masks", stored)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{name}.png")


if __name__ == "__main__":
    main()
