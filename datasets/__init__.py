"""TFDS builders. Importing this package (as `tfadvseg_datasets`) registers them with TFDS.

It knows TFDS and nothing of tfadvseg. It imports neither TensorFlow nor Apache Beam: TFDS does so
when a dataset is prepared or read.
"""

from .isbi2012 import isbi2012_dataset_builder as isbi2012_dataset_builder
from .membranes import membranes_dataset_builder as membranes_dataset_builder
