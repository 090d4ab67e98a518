"""Writes `dummy_data/`: tiny frames and labels in the preparation's layout, for the builder's test.

There are `train` and `val`, and the list of `test` without its folders, as in some copies of the
set.
"""

from pathlib import Path

import numpy as np
from PIL import Image

_PREFIX = "/SegNet/CamVid"
# Not in alphabetical order, because the order of the lists counts.
_FRAMES = {
    "train": ("0006R0_f00930", "0006R0_f00960", "0001TP_006690", "0001TP_006720", "0016E5_00390"),
    "val": ("0016E5_07959", "0016E5_07961"),
    "test": ("Seq05VD_f00000",),
}


def main() -> None:
    folder = Path(__file__).parent / "dummy_data"
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for split, names in _FRAMES.items():
        lines = [f"{_PREFIX}/{split}/{n}.png {_PREFIX}/{split}annot/{n}.png\n" for n in names]
        (folder / f"{split}.txt").write_text("".join(lines))
        for number, name in enumerate(names):
            if split == "test":
                continue
            label = np.arange(24 * 32, dtype=np.uint32).reshape(24, 32) // 64 % 12
            label = np.roll(label, number, axis=0).astype(np.uint8)
            frame = 20 * label[:, :, None] + rng.integers(0, 20, (24, 32, 3), dtype=np.uint8)
            for kind, pixels in ((split, frame), (f"{split}annot", label)):
                (folder / kind).mkdir(exist_ok=True)
                Image.fromarray(pixels).save(folder / kind / f"{name}.png")


if __name__ == "__main__":
    main()
