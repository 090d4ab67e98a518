"""Examples on disk within tf.data pipelines."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.config import DataConfig
from tfadvseg.data.examples import Examples, leave_on_disk
from tfadvseg.data.lazy import load_pair, pair_reader, raise_user_errors
from tfadvseg.data.on_disk import OnDisk, StoredExample
from tfadvseg.data.sources import load_split
from tfadvseg.errors import UserError
from tfadvseg_datasets.gta5 import gta5_dataset_builder

GTA5 = Path(gta5_dataset_builder.__file__).parent / "dummy_data"


def gta5(data_dir: Path = GTA5) -> Examples:
    config = DataConfig(dataset="gta5", data_dir=str(data_dir), prepare="none")
    return load_split(config, "train", seed=0)[1]


class Counted:
    """An array that counts how often it is read."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.times = array, 0

    def read(self) -> np.ndarray:
        self.times += 1
        return self.array

    def size(self) -> tuple[int, int]:
        return self.array.shape[:2]

    def fingerprint(self) -> bytes:
        return self.array.tobytes()


def test_an_array_is_read_when_it_is_asked_for_and_not_before():
    stored = [Counted(np.full((2, 3), i, np.uint8)) for i in range(40)]
    arrays = OnDisk(stored)
    assert arrays.sizes() == [(2, 3)] * 40 and len(arrays) == 40
    assert arrays[7][0, 0] == 7 and arrays[30:][-1][0, 0] == 39
    assert [a.times for a in stored] == [int(i in (7, 39)) for i in range(40)]
    assert [int(array[0, 0]) for array in arrays] == list(range(40))
    with pytest.raises(IndexError):
        arrays[40]


@pytest.mark.parametrize("known", [None, 0, 20])
def test_labels_are_read_until_one_is_known(known):
    labels = [Counted(np.full((2, 3), 1 if i == known else 255, np.uint8)) for i in range(40)]
    image = Counted(np.zeros((2, 3, 1), np.uint8))
    stored = [StoredExample(str(i), image, label) for i, label in enumerate(labels)]
    assert (leave_on_disk(stored).labels is None) == (known is None)
    assert image.times == 0
    if known == 0:
        assert labels[-1].times == 0


def test_pairs_are_read_within_a_pipeline():
    examples = gta5()
    order = [3, 0, 4, 4, 1]
    pairs = tf.data.Dataset.from_tensor_slices(np.array(order, np.int64))
    pairs = pairs.map(pair_reader(examples, channels=3), tf.data.AUTOTUNE, deterministic=True)
    assert [spec.shape.as_list() for spec in pairs.element_spec] == [[None, None, 3], [None] * 2]
    for index, (image, label) in zip(order, pairs.as_numpy_iterator(), strict=True):
        np.testing.assert_array_equal(image, examples.images[index])
        np.testing.assert_array_equal(label, examples.labels[index])
        np.testing.assert_array_equal(load_pair(examples, index)[1], label)


@pytest.fixture
def deterministic():
    tf.config.experimental.enable_op_determinism()


def test_pairs_are_read_side_by_side_where_operations_are_deterministic(deterministic):
    """Each of two reads waits for the other, so sequential reads would never finish."""
    barrier = threading.Barrier(2, timeout=20)

    class Waiting(Counted):
        def read(self) -> np.ndarray:
            barrier.wait()
            return self.array

    image = Waiting(np.zeros((2, 3, 1), np.uint8))
    examples = Examples(("a", "b"), OnDisk([image, image]), None)
    pairs = tf.data.Dataset.range(2).map(
        pair_reader(examples, 1), num_parallel_calls=2, deterministic=True
    )
    assert len(list(pairs.as_numpy_iterator())) == 2


def test_unknown_labels_are_ignored():
    image, label = load_pair(Examples(("a",), (np.zeros((2, 3, 1), np.uint8),), None), 0)
    assert image.shape == (2, 3, 1)
    np.testing.assert_array_equal(label, np.full((2, 3), 255))


def test_a_file_that_is_gone_is_named_once(tmp_path):
    raw = Path(shutil.copytree(GTA5, tmp_path / "raw"))
    pairs = tf.data.Dataset.range(5).map(pair_reader(gta5(raw), channels=3))
    (raw / "images/00004.png").unlink()
    with pytest.raises(UserError, match=r"00004\.png: No such file") as error, raise_user_errors():
        list(pairs)
    assert "\n" not in str(error.value)
