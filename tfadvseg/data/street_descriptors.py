"""Descriptors of street scenes: everything that has the 19 training classes of Cityscapes.

Names and colours: Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding,
CVPR 2016, and the benchmark's `labels.py`.
"""

import dataclasses

from tfadvseg.data.descriptors import DatasetDescriptor

CITYSCAPES = DatasetDescriptor(
    name="cityscapes_semseg",
    class_names=(
        "road",
        "sidewalk",
        "building",
        "wall",
        "fence",
        "pole",
        "traffic_light",
        "traffic_sign",
        "vegetation",
        "terrain",
        "sky",
        "person",
        "rider",
        "car",
        "truck",
        "bus",
        "train",
        "motorcycle",
        "bicycle",
    ),
    palette=(
        (128, 64, 128),
        (244, 35, 232),
        (70, 70, 70),
        (102, 102, 156),
        (190, 153, 153),
        (153, 153, 153),
        (250, 170, 30),
        (220, 220, 0),
        (107, 142, 35),
        (152, 251, 152),
        (70, 130, 180),
        (220, 20, 60),
        (255, 0, 0),
        (0, 0, 142),
        (0, 0, 70),
        (0, 60, 100),
        (0, 80, 100),
        (0, 0, 230),
        (119, 11, 32),
    ),
    image_channels=3,
    train_split="train",
    val_split="val",
    has_background=False,
)

# All frames are one split unless its file split.mat divides them.
GTA5 = dataclasses.replace(CITYSCAPES, name="gta5", val_split="")

STREETS_GAME = dataclasses.replace(CITYSCAPES, name="streets_game", val_split="validation")
"""The embedded source domain: the configuration `game` of the TFDS dataset `streets`."""

STREETS_CAMERA = dataclasses.replace(STREETS_GAME, name="streets_camera")
"""The embedded target domain: the configuration `camera`."""

STREETS = {d.name: d for d in (CITYSCAPES, GTA5, STREETS_CAMERA, STREETS_GAME)}
"""All of them by the value of `--dataset`."""

SYNTHIA_16_CLASSES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18)
"""Class ids that papers on SYNTHIA take the mean over: it lacks terrain, truck and train."""

SYNTHIA_13_CLASSES = (0, 1, 2, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18)
"""The same without wall, fence and pole, as the mIoU with an asterisk (Tsai et al., CVPR 2018)."""
