"""Training ids of the Cityscapes classes by name."""

from tfadvseg_datasets.cityscapes_ids import TRAIN_NAMES
from tfadvseg_datasets.segmentation import IGNORE_LABEL

(
    ROAD,
    SIDEWALK,
    BUILDING,
    WALL,
    FENCE,
    POLE,
    TRAFFIC_LIGHT,
    TRAFFIC_SIGN,
    VEGETATION,
    TERRAIN,
    SKY,
    PERSON,
    RIDER,
    CAR,
    TRUCK,
    BUS,
    TRAIN,
    MOTORCYCLE,
    BICYCLE,
) = range(len(TRAIN_NAMES))
VOID = IGNORE_LABEL
