"""The 19 training classes of Cityscapes, shared by all street scenes. No TensorFlow here.

Names and colours: Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding,
CVPR 2016, and the benchmark's `labels.py`.
"""

from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg_datasets.cityscapes_ids import TRAIN_NAMES as TRAIN_NAMES
from tfadvseg_datasets.cityscapes_ids import TRAIN_PALETTE

SYNTHIA_16_CLASSES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18)
"""Class ids of the mean IoU in papers on SYNTHIA, which lacks terrain, truck and train."""

SYNTHIA_13_CLASSES = (0, 1, 2, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18)
"""The same without wall, fence and pole, as the mIoU with an asterisk (Tsai et al., CVPR 2018)."""


def street_descriptor(name: str) -> DatasetDescriptor:
    """The descriptor of a dataset of street scenes."""
    return DatasetDescriptor(
        name=name,
        class_names=TRAIN_NAMES,
        palette=TRAIN_PALETTE,
        image_channels=3,
        has_background=False,
    )
