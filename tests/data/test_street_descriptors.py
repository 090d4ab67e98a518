"""Descriptors of street scenes agree with the official table."""

from tfadvseg.data import street_descriptors
from tfadvseg.data.street_descriptors import (
    CITYSCAPES,
    STREETS,
    SYNTHIA_13_CLASSES,
    SYNTHIA_16_CLASSES,
)
from tfadvseg_datasets.cityscapes_ids import TRAIN_CLASSES, TRAIN_NAMES
from tfadvseg_datasets.streets.generate import DEFAULT_COUNTS


def test_classes_are_those_of_the_table_in_every_dataset():
    for name, descriptor in STREETS.items():
        assert descriptor.name == name
        assert descriptor.class_names == TRAIN_NAMES
        assert descriptor.palette == tuple(c.colour for c in TRAIN_CLASSES)
        assert descriptor.image_channels == 3
    assert CITYSCAPES.num_classes == 19


def test_sets_of_classes_are_those_of_papers_on_synthia():
    everything = set(range(19))
    lacking = {CITYSCAPES.class_names[i] for i in everything - set(SYNTHIA_16_CLASSES)}
    assert lacking == {"terrain", "truck", "train"}
    fewer = set(SYNTHIA_16_CLASSES) - set(SYNTHIA_13_CLASSES)
    assert {CITYSCAPES.class_names[i] for i in fewer} == {"wall", "fence", "pole"}
    assert (len(SYNTHIA_16_CLASSES), len(SYNTHIA_13_CLASSES)) == (16, 13)
    assert set(SYNTHIA_13_CLASSES) < set(SYNTHIA_16_CLASSES)


def test_the_embedded_splits_exist():
    for descriptor in (street_descriptors.STREETS_GAME, street_descriptors.STREETS_CAMERA):
        assert {descriptor.train_split, descriptor.val_split} <= set(DEFAULT_COUNTS)
