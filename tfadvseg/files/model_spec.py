"""Everything that a trained segmenter needs except its weights, as JSON. No TensorFlow here."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tfadvseg.config.data import Normalise
from tfadvseg.config.resolve import stride_of
from tfadvseg.config.segmenter import SegmenterConfig
from tfadvseg.errors import UserError
from tfadvseg.files.seals import is_whole_json, sealed_json
from tfadvseg.files.text import read_text

FILE_NAME = "model.json"

RUN_FLAGS = "run.flags"
"""File of a run's flags, as a flagfile."""

TRAINED_ON = "trained_on.txt"
"""File of the keys of a run's training examples, one per line."""

_OWN_STRIDE = 32
"""Assumed of a segmenter of the user's own."""


@dataclass(frozen=True)
class ModelSpec:
    """The information needed to turn weights into predictions on raw images.

    Attributes:
        segmenter: the network's architecture.
        class_names: one per class id.
        palette: one (red, green, blue) per class, 0-255.
        image_channels: from 1 to 16.
        mean, std: one value per channel, on the images' scale: inputs are (image - mean) / std.
        channel_order: order of the channels of colour images at the network's input.
        resize: (height, width) that images are resized to before the network, and predictions are
            resized back from; empty if images are not resized.
        test_scales: image scales over which probabilities are averaged.
        foreground_class, darkfield_accuracy: as in `DatasetDescriptor`.
        dataset: the dataset it was trained on.
        crop_size: (height, width) of its training windows.
        image_dtype: of images: uint8, uint16, int16 or float32.
        low, high: the range of each channel (`data.levels.ChannelStatistics`); empty for 0 to 255.
        normalise: `dataset`; or `percentile` where each image is first scaled by its own
            percentiles, so that `mean` and `std` are of scaled images.
        channels, axes: of image files, as in `DataConfig`; empty as files have them.
        max_pixels: the most that the signature `encoded` takes.
        precision: what an export computes in.
        data_fingerprint: of the training and validation examples (`data.examples.fingerprint`).
        own_parts: the user's functions that the run was made with, as `module.name`, by part; a
            `segmenter` of the user must be given again when the model is loaded.
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
    image_dtype: str = "uint8"
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    normalise: Normalise = "dataset"
    channels: tuple[int, ...] = ()
    axes: str = ""
    max_pixels: int = 4096 * 4096
    precision: Literal["float32", "bfloat16"] = "float32"

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def stride(self) -> int:
        """Stride of the network: tiles of a large image must lie on this grid."""
        return _OWN_STRIDE if "segmenter" in self.own_parts else stride_of(self.segmenter)

    def to_json(self) -> str:
        return sealed_json(dataclasses.asdict(self))

    @classmethod
    def load(cls, folder: str | Path) -> "ModelSpec":
        """Reads `folder`/model.json.

        Raises:
            UserError: the file is absent or not a model description, or it was changed since.
        """
        path = Path(folder) / FILE_NAME
        try:
            fields = json.loads(read_text(path))
            if not is_whole_json(fields):
                raise UserError(
                    f"{path}: is not what was written there: a value differs from its checksum "
                    "(the field sha256). Undo the change, or copy the file again."
                )
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
                # Absent from models of earlier versions.
                data_fingerprint=fields.get("data_fingerprint", ""),
                channel_order=fields.get("channel_order", "rgb"),
                resize=tuple(fields.get("resize", ())),
                darkfield_accuracy=fields.get("darkfield_accuracy", False),
                test_scales=tuple(fields.get("test_scales", (1.0,))),
                own_parts=fields.get("own_parts", {}),
                image_dtype=fields.get("image_dtype", "uint8"),
                low=tuple(fields.get("low", ())),
                high=tuple(fields.get("high", ())),
                normalise=fields.get("normalise", "dataset"),
                channels=tuple(fields.get("channels", ())),
                axes=fields.get("axes", ""),
                max_pixels=fields.get("max_pixels", cls.max_pixels),
                precision=fields.get("precision", "float32"),
            )
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; is {folder} a run or an export?") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(f"{path}: not a model description ({error}).") from None


def _segmenter(fields: dict) -> SegmenterConfig:
    # JSON has no tuples.
    listed = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return SegmenterConfig(**fields | listed)
