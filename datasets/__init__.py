"""TFDS builders. Importing this package (as `tfadvseg_datasets`) registers them with TFDS.

It depends on TFDS, not on tfadvseg. It imports neither TensorFlow nor Apache Beam: TFDS does so
when a dataset is prepared or read.
"""

import os

# Importing TFDS imports TensorFlow, which prints start-up lines unless this is set before.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from .camvid import camvid_dataset_builder as camvid_dataset_builder
from .cells import cells_dataset_builder as cells_dataset_builder
from .cityscapes_semseg import (
    cityscapes_semseg_dataset_builder as cityscapes_semseg_dataset_builder,
)
from .darkfield import darkfield_dataset_builder as darkfield_dataset_builder
from .gta5 import gta5_dataset_builder as gta5_dataset_builder
from .isbi2012 import isbi2012_dataset_builder as isbi2012_dataset_builder
from .membranes import membranes_dataset_builder as membranes_dataset_builder
from .streets import streets_dataset_builder as streets_dataset_builder
