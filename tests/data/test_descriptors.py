"""Facts about datasets, against the builders that they describe."""

import pytest

from tfadvseg.data.catalogue import CATALOGUE
from tfadvseg.data.descriptors import CAMVID, CAMVID_WITH_VOID, CELLS, DARKFIELD
from tfadvseg_datasets.camvid import lists
from tfadvseg_datasets.cells import generate
from tfadvseg_datasets.darkfield import files


@pytest.mark.parametrize("descriptor", [*CATALOGUE.values(), CAMVID_WITH_VOID])
def test_each_class_has_a_colour_of_its_own(descriptor):
    assert len(set(descriptor.palette)) == len(descriptor.palette) == descriptor.num_classes
    assert all(0 <= value <= 255 for colour in descriptor.palette for value in colour)


def test_class_names_are_the_builders():
    assert DARKFIELD.class_names == files.CLASS_NAMES == CELLS.class_names
    assert CAMVID.class_names == lists.CLASS_NAMES
    assert CAMVID_WITH_VOID.class_names == (*lists.CLASS_NAMES, "void")
    assert CAMVID_WITH_VOID.class_names[lists.VOID] == "void"
    assert CELLS.class_names[generate.SPIROCHAETE] == "spirochaete"
    assert CELLS.class_names[generate.RED_BLOOD_CELL] == "red_blood_cell"


def test_camvid_has_its_own_colours():
    """As in the label_colors.txt of the database."""
    colours = dict(zip(CAMVID_WITH_VOID.class_names, CAMVID_WITH_VOID.palette, strict=True))
    assert colours["sky"] == (128, 128, 128)
    assert colours["road"] == (128, 64, 128)
    assert colours["pavement"] == (0, 0, 192)
    assert colours["bicyclist"] == (0, 128, 192)
    assert colours["void"] == (0, 0, 0)
