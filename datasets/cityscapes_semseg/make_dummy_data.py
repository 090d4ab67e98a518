"""Writes `dummy_data/`: tiny frames and labels with official names; `test` without labels."""

from pathlib import Path

from PIL import Image

from tfadvseg_datasets.cityscapes_ids import to_colours, to_label_ids
from tfadvseg_datasets.streets.generate import generate_scene

_FRAMES = {
    "train": ("aachen_000000_000019", "aachen_000001_000019", "bremen_000000_000019"),
    "val": ("lindau_000000_000019", "lindau_000001_000019"),
    "test": ("berlin_000000_000019",),
}
_SIZE = (16, 32)


def main() -> None:
    folder = Path(__file__).parent / "dummy_data"
    number = 0
    for split, names in _FRAMES.items():
        for name in names:
            image, label = generate_scene(0, number, _SIZE, "camera")
            number += 1
            files = {"leftImg8bit": {"leftImg8bit": image}}
            if split != "test":
                files["gtFine"] = {
                    "gtFine_labelIds": to_label_ids(label),
                    "gtFine_labelTrainIds": label,
                    "gtFine_color": to_colours(label),
                }
            for kind, contents in files.items():
                place = folder / kind / split / name.split("_")[0]
                place.mkdir(parents=True, exist_ok=True)
                for end, pixels in contents.items():
                    Image.fromarray(pixels).save(place / f"{name}_{end}.png")


if __name__ == "__main__":
    main()
