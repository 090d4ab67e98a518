"""Where a target domain's files are, if no flag says so."""

import pytest

from tests.testing_utils import tiny_config


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"dataset": "isbi2012", "train_split": "test"}, "sections"),
        ({"dataset": "isbi2012", "train_split": "test", "data_dir": "others"}, "others"),
        ({"dataset": "isbi2012"}, None),  # a whole dataset, which is hardly the source once more
        ({"dataset": "membranes", "train_split": "train[:3]"}, None),
    ],
)
def test_a_slice_of_the_sources_dataset_is_where_the_source_is(target, expected):
    config = tiny_config(
        data={"dataset": "isbi2012", "data_dir": "sections"},
        method={"method": "adabn"},
        target=target | {"val_split": "train[:1]"} | {"crop_size": (16, 16)},
    )
    assert config.target.data_dir == expected
