"""What a trained segmenter needs besides its weights, as one JSON file. No TensorFlow here."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tfadvseg.config.segmenter import SegmenterConfig
from tfadvseg.errors import UserError
from tfadvseg.files.text import read_text

FILE_NAME = "model.json"

RUN_FLAGS = "run.flags"
"""The flags of a run, as a flagfile."""

TRAINED_ON = "trained_on.txt"
"""The keys of a run's training examples, a line each."""


@dataclass(frozen=True)
class ModelSpec:
    """Everything that turns weights into predictions on raw images.

    Attributes:
        segmenter: the network's architecture.
        class_names: one a class id.
        palette: one (red, green, blue) a class, 0-255.
        image_channels: 1 or 3.
        mean, std: a value a channel, on the 0-255 scale: inputs are (image - mean) / std.
        channel_order: in which the network sees the channels of colour images.
        resize: (height, width) that images are brought to before the network, and its answers back
            from; empty where it takes images as they are.
        test_scales: magnifications of an image over which its probabilities are averaged.
        foreground_class, darkfield_accuracy: as in `DatasetDescriptor`.
        dataset: what it was trained on.
        crop_size: (height, width) of its training windows.
        data_fingerprint: of the training and validation examples (`data.examples.fingerprint`).
        own_parts: functions of the user's own that the run was made with, as `module.name`, by
            part: whoever loads a `segmenter` of one's own must give the function again.
    """

    segmenter: SegmenterConfig
    class_names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    image_channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    foreground_class: int | None
    dataset: str
    crop_size: tuple[int, int]
    data_fingerprint: str = ""
    channel_order: Literal["rgb", "bgr"] = "rgb"
    resize: tuple[int, int] | tuple[()] = ()
    darkfield_accuracy: bool = False
    test_scales: tuple[float, ...] = (1.0,)
    own_parts: dict[str, str] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def stride(self) -> int:
        """Of the network: the grid on which tiles of a large image have to lie."""
        return self.segmenter.stride

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    @classmethod
    def load(cls, folder: str | Path) -> "ModelSpec":
        """Reads `folder`/model.json.

        Raises:
            UserError: the file is absent or not such a file.
        """
        path = Path(folder) / FILE_NAME
        try:
            fields = json.loads(read_text(path))
            return cls(
                segmenter=_segmenter(fields["segmenter"]),
                class_names=tuple(fields["class_names"]),
                palette=tuple((red, green, blue) for red, green, blue in fields["palette"]),
                image_channels=fields["image_channels"],
                mean=tuple(fields["mean"]),
                std=tuple(fields["std"]),
                foreground_class=fields["foreground_class"],
                dataset=fields["dataset"],
                crop_size=(fields["crop_size"][0], fields["crop_size"][1]),
                # Absent in the models of earlier versions.
                data_fingerprint=fields.get("data_fingerprint", ""),
                channel_order=fields.get("channel_order", "rgb"),
                resize=tuple(fields.get("resize", ())),
                darkfield_accuracy=fields.get("darkfield_accuracy", False),
                test_scales=tuple(fields.get("test_scales", (1.0,))),
                own_parts=fields.get("own_parts", {}),
            )
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; is {folder} a run or an export?") from None
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(f"{path}: not a model description ({error}).") from None


def _segmenter(fields: dict) -> SegmenterConfig:
    # JSON knows no tuples.
    listed = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return SegmenterConfig(**fields | listed)
