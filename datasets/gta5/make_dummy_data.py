"""Writes `dummy_data/`: tiny frames and palette labels in the official naming."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from tfadvseg_datasets.cityscapes_ids import CLASSES, to_label_ids
from tfadvseg_datasets.streets.generate import generate_scene

_NUMBERS = {"trainIds": (1, 2, 4), "valIds": (3,), "testIds": (5,)}
_SIZE = (20, 36)


def main() -> None:
    folder = Path(__file__).parent / "dummy_data"
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    palette = [level for c in CLASSES for level in c.colour]
    for number in sorted(n for numbers in _NUMBERS.values() for n in numbers):
        image, label = generate_scene(0, number, _SIZE, "game")
        Image.fromarray(image).save(folder / f"images/{number:05d}.png")
        coded = Image.fromarray(to_label_ids(label))
        coded.putpalette(palette)
        coded.save(folder / f"labels/{number:05d}.png")
    savemat(folder / "split.mat", {k: np.array(v)[:, None] for k, v in _NUMBERS.items()})


if __name__ == "__main__":
    main()
