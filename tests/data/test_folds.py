"""Folds that partition the images, and images that are kept for testing."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfadvseg.config import DataConfig
from tfadvseg.data.division import divide_by_fraction, file_folds, files_for_test
from tfadvseg.data.examples import Examples
from tfadvseg.data.folder import Folder
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.sets.folder import _parts
from tfadvseg.data.stratified import stratified_folds
from tfadvseg.errors import UserError

NAMES = ("background", "cell", "spirochaete")


def keys_of(count):
    return [f"{number:03d}" for number in range(count)]


def parts_of(config, keys, seed):
    """How a folder of these images, without sub-folders, is divided."""
    pixel = np.zeros((1, 1, 1), np.uint8)
    examples = Examples(tuple(keys), (pixel,) * len(keys), None)
    folder = Folder(descriptor_of("membranes"), examples, tuple(keys), parts=(None,) * len(keys))
    return _parts(config, folder, seed)


@given(st.integers(2, 30), st.integers(2, 6), st.integers(0, 9))
def test_folds_of_files_are_a_partition(count, folds, seed):
    keys = keys_of(count)
    if count < folds:
        with pytest.raises(UserError, match=f"--folds={folds}: there are {count} images"):
            file_folds(keys, keys, folds, seed)
        return
    parts = file_folds(keys, keys, folds, seed)
    assert sorted(i for part in parts for i in part) == list(range(count))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_another_seed_draws_other_folds():
    keys = keys_of(20)
    assert file_folds(keys, keys, 4, 0) == file_folds(keys, keys, 4, 0)
    assert file_folds(keys, keys, 4, 0) != file_folds(keys, keys, 4, 1)


def test_pages_of_a_file_stay_together():
    keys = [f"{stem}_{page}" for stem in "abcd" for page in range(3)]
    stems = [stem for stem in "abcd" for _ in range(3)]
    for part in file_folds(keys, stems, 2, 0):
        assert Counter(stems[i] for i in part) == dict.fromkeys({stems[i] for i in part}, 3)


def test_pages_of_the_only_file_are_runs_of_neighbours():
    assert file_folds(keys_of(5), ["stack"] * 5, 2, 0) == [[3, 4], [0, 1, 2]]


@given(
    st.lists(st.sets(st.sampled_from([1, 2])).map(lambda s: {0, *s}), min_size=1, max_size=40),
    st.integers(2, 4),
    st.integers(0, 5),
)
def test_folds_of_strata_are_a_partition_with_every_class(classes, folds, seed):
    classes = classes + [{0, 1, 2}] * folds
    keys = keys_of(len(classes))
    parts = stratified_folds(keys, classes, NAMES, folds, seed)
    assert sorted(i for part in parts for i in part) == list(range(len(keys)))
    for part in parts:
        assert set.union(*(set(classes[i]) for i in part)) == {0, 1, 2}


@pytest.mark.parametrize("seed", range(3))
def test_sizes_and_strata_of_folds(seed):
    classes = [{0, 1, 2}] * 240 + [{0, 1}] * 70 + [{0, 2}] * 21
    parts = stratified_folds(keys_of(331), classes, NAMES, 5, seed)
    assert sorted(map(len, parts)) == [66, 66, 66, 66, 67]
    for part in parts:
        strata = Counter(frozenset(classes[i]) for i in part)
        for stratum, count in Counter(map(frozenset, classes)).items():
            assert abs(strata[stratum] - count / 5) <= 2


def test_a_class_too_rare_for_every_fold():
    with pytest.raises(UserError, match="The class spirochaete occurs in 1 of 6 images"):
        stratified_folds(keys_of(6), [{0, 1}] * 5 + [{0, 1, 2}], NAMES, 2, 0)


def test_what_validates_stays_when_others_are_kept_for_testing():
    keys = keys_of(40)
    _, val = divide_by_fraction(keys, keys, 0.2, 3)
    rest, test = files_for_test(keys, keys, 0.25, 3)
    assert (len(val), len(rest), len(test)) == (8, 30, 10)
    assert sorted(rest + test) == list(range(40))
    parts = parts_of(DataConfig(dataset="folder", test_fraction=0.25), keys, 3)
    assert (parts["validation"], parts["test"]) == (val, test)
    assert parts["train"] == [i for i in range(40) if i not in {*val, *test}]


def test_folds_leave_the_test_part_alone():
    keys = keys_of(23)
    tests, held_out = set(), []
    for fold in range(4):
        config = DataConfig(dataset="folder", folds=4, fold=fold, test_fraction=0.2)
        parts = parts_of(config, keys, 0)
        tests.add(tuple(parts["test"]))
        held_out += parts["validation"]
        assert sorted(parts["train"] + parts["validation"] + parts["test"]) == list(range(23))
    (test,) = tests
    assert sorted(held_out) == [i for i in range(23) if i not in test]


def test_a_list_of_what_tests(tmp_path):
    keys = keys_of(6)
    listed = tmp_path / "test.txt"
    listed.write_text("001\n004\n")
    config = DataConfig(dataset="folder", test_list=str(listed))
    parts = parts_of(config, keys, 0)
    assert parts["test"] == [1, 4] and len(parts["validation"]) == 1 and len(parts["train"]) == 3
    for name, stems in (("train", "000\n004\n"), ("val", "002\n")):
        (tmp_path / f"{name}.txt").write_text(stems)
    lists = {f"{name}_list": str(tmp_path / f"{name}.txt") for name in ("train", "val")}
    with pytest.raises(UserError, match="keeps 004 for testing, which --train_list"):
        parts_of(DataConfig(dataset="folder", test_list=str(listed), **lists), keys, 0)
    listed.write_text("".join(f"{key}\n" for key in keys))
    with pytest.raises(UserError, match="names all images"):
        parts_of(config, keys, 0)


def test_too_much_kept_for_testing():
    keys = keys_of(3)
    with pytest.raises(UserError, match=r"--test_fraction=0\.5: keeps 2 of 3 images"):
        files_for_test(keys, keys, 0.5, 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"folds": 1}, "--folds=1: give at least 2, or 0 for none"),
        ({"folds": 3, "fold": 3}, "--fold=3: with --folds=3 there is no such fold"),
        ({"fold": 1}, "--fold=1: with --folds=0 there is no such fold"),
        ({"folds": 3, "val_fraction": 0.1}, "--folds=3 and --val_fraction=0.1: both say what"),
        ({"test_list": "a", "test_fraction": 0.1}, "both say what tests"),
    ],
)
def test_flags_that_do_not_go_together(fields, message):
    with pytest.raises(UserError) as error:
        DataConfig(dataset="folder", **fields)
    assert message in str(error.value)
