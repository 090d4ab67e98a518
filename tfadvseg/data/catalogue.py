"""Every dataset that `--dataset` takes. No TensorFlow here."""

from tfadvseg.data.descriptors import CAMVID, CELLS, DARKFIELD, ISBI2012, MEMBRANES
from tfadvseg.data.street_descriptors import STREETS

CATALOGUE = {d.name: d for d in (CAMVID, CELLS, DARKFIELD, ISBI2012, MEMBRANES)} | STREETS
"""Datasets by the value of `--dataset`; `folder` is described by the user's flags instead."""
