"""Splits that each contain every class, and stretches of a list."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadvseg.data.division import STRETCHES, hold_out_stretches
from tfadvseg.data.stratified import divide_stratified
from tfadvseg.errors import UserError

NAMES = ("background", "cell", "spirochaete")
TENTHS = {"validation": 0.1, "test": 0.1}


def keys_of(count: int) -> list[str]:
    return [f"{number:03d}" for number in range(count)]


@settings(deadline=None)
@given(
    classes=st.lists(
        st.sets(st.sampled_from([1, 2])).map(lambda some: {0, *some}), min_size=1, max_size=40
    ),
    val=st.floats(0.02, 0.45),
    test=st.floats(0.02, 0.45),
    seed=st.integers(0, 5),
)
def test_parts_are_disjoint_complete_and_contain_every_class(classes, val, test, seed):
    classes = classes + [{0, 1, 2}] * 3
    keys = keys_of(len(classes))
    fractions = {"validation": val, "test": test}
    parts = divide_stratified(keys, classes, NAMES, fractions, seed)
    assert list(parts) == ["train", "validation", "test"]
    assert sorted(i for part in parts.values() for i in part) == list(range(len(keys)))
    for part in parts.values():
        assert part == sorted(part)
        assert set.union(*(set(classes[i]) for i in part)) == {0, 1, 2}
    for name, fraction in fractions.items():
        # Up to three images are moved so that each split has every class.
        assert len(parts[name]) <= max(round(fraction * len(keys)), 3)


# Similar to the darkfield set: most images have both kinds, few have spirochaetes only.
LIKE_DARKFIELD = [{0, 1, 2}] * 240 + [{0, 1}] * 70 + [{0, 2}] * 20


@pytest.mark.parametrize("seed", range(5))
def test_sizes_and_strata_follow_the_fractions(seed):
    keys = keys_of(330)
    parts = divide_stratified(keys, LIKE_DARKFIELD, NAMES, TENTHS, seed)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 264,
        "validation": 33,
        "test": 33,
    }
    for name in ("validation", "test"):
        strata = Counter(frozenset(LIKE_DARKFIELD[i]) for i in parts[name])
        for stratum, count in Counter(map(frozenset, LIKE_DARKFIELD)).items():
            assert abs(strata[stratum] - count / 10) <= 2


def test_the_division_depends_on_seed_and_keys_only():
    keys = keys_of(330)
    first = divide_stratified(keys, LIKE_DARKFIELD, NAMES, TENTHS, 1)
    assert divide_stratified(keys, LIKE_DARKFIELD, NAMES, TENTHS, 1) == first
    for seed in (0, 2):
        other = divide_stratified(keys, LIKE_DARKFIELD, NAMES, TENTHS, seed)
        assert len({*other["test"]} & {*first["test"]}) < 15


@pytest.mark.parametrize("seed", range(8))
def test_a_class_in_as_many_images_as_parts_is_in_each(seed):
    """Also with overlapping rare classes: 1 in 0, 1, 2; 2 in 3, 4, 5; 3 in 0, 3, 6."""
    classes = [{0, 1, 3}, {0, 1}, {0, 1}, {0, 2, 3}, {0, 2}, {0, 2}, {0, 3}, *[{0}] * 9]
    parts = divide_stratified(keys_of(16), classes, "abcd", TENTHS, seed)
    for part in parts.values():
        for class_id in range(4):
            assert any(class_id in classes[i] for i in part)


def test_without_a_test_part():
    parts = divide_stratified(keys_of(4), [{0, 1, 2}] * 4, NAMES, {"validation": 0.5}, 0)
    assert {name: len(part) for name, part in parts.items()} == {"train": 2, "validation": 2}


def test_examples_that_cannot_be_split_are_refused():
    classes = [{0, 1}] * 8 + [{0, 2}] * 2
    message = (
        "The class spirochaete occurs in 2 of 10 images, too few for each of train, validation, t"
    )
    with pytest.raises(UserError, match=message):
        divide_stratified(keys_of(10), classes, NAMES, TENTHS, 0)
    # Any three of the four images share a class, so no two of them may be in one split.
    classes = [{0, 1, 2}, {0, 1, 3}, {0, 2, 3}, {1, 2, 3}]
    with pytest.raises(UserError, match=r"4 images cannot be split .* every class \(a, b, c, d\)"):
        divide_stratified(keys_of(4), classes, "abcd", TENTHS, 0)


@given(count=st.integers(2, 500), fraction=st.floats(0.01, 0.99))
def test_stretches_are_whole_runs_that_leave_the_rest(count, fraction):
    train, held_out = hold_out_stretches(count, fraction)
    positions = [i for run in train + held_out for i in run]
    assert len(set(positions)) == len(positions)
    left_out = set(range(count)).difference(positions)
    borders = {i for run in held_out for i in (run.start - 1, run.stop)}
    assert left_out <= borders
    total = sum(map(len, held_out))
    assert total == min(max(round(fraction * count), 1), count - 1)
    assert len(held_out) == min(STRETCHES, total)
    assert all(held_out) and all(train)
    lengths = [len(run) for run in held_out]
    assert max(lengths) - min(lengths) <= 1


def test_stretches_lie_in_the_middle_of_equal_runs():
    train, held_out = hold_out_stretches(40, 0.2)
    assert held_out == [range(4, 6), range(14, 16), range(24, 26), range(34, 36)]
    assert train == [range(3), range(7, 13), range(17, 23), range(27, 33), range(37, 40)]


def test_neighbours_of_a_stretch_train_only_where_there_are_hardly_others():
    train, held_out = hold_out_stretches(5, 0.2)
    assert (train, held_out) == ([range(2), range(3, 5)], [range(2, 3)])


def test_every_film_of_camvid_is_represented():
    """The training list has 62, 101 and 204 frames of three videos, one after another."""
    train, held_out = hold_out_stretches(367, 0.2)
    assert (sum(map(len, train)), sum(map(len, held_out))) == (286, 73)
    for first, last in ((0, 62), (62, 163), (163, 367)):
        assert any(first < run.start and run.stop < last for run in held_out)


def test_a_single_example_has_no_stretches():
    with pytest.raises(UserError, match="one image cannot be split"):
        hold_out_stretches(1, 0.5)
