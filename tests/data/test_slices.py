"""TFDS's slice notation without a prepared dataset."""

import pytest

from tfadvseg.data.slices import resolve_slice
from tfadvseg.errors import UserError

COUNTS = {"train": 30, "test": 7}


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("train", [("train", range(30))]),
        ("train[:20]", [("train", range(20))]),
        ("train[20:]", [("train", range(20, 30))]),
        ("train[-3:]", [("train", range(27, 30))]),
        ("train[80%:]", [("train", range(24, 30))]),
        ("train[:2]+test", [("train", range(2)), ("test", range(7))]),
    ],
)
def test_slices(spec, parts):
    assert resolve_slice(spec, COUNTS, "split") == parts


@pytest.mark.parametrize("spec", ["validation", "train[", "train[:31]", "", "train[a:]"])
def test_what_is_no_slice_is_refused_with_what_there_is(spec):
    with pytest.raises(
        UserError, match=r"--val_split=.*train \(30 examples\), test \(7 examples\)"
    ) as e:
        resolve_slice(spec, COUNTS, "val_split")
    assert f"--val_split={spec}:" in str(e.value)


@pytest.mark.parametrize("spec", ["train[30:]", "test[5:5]"])
def test_empty_slices_are_refused(spec):
    with pytest.raises(UserError, match="contains no examples"):
        resolve_slice(spec, COUNTS, "split")
