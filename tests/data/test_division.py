"""Training and validation splits of a folder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfadvseg.data.division import divide_by_fraction, divide_by_lists
from tfadvseg.errors import UserError


@given(
    stems=st.lists(st.text("abcdef", min_size=1), min_size=2, max_size=40, unique=True),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
def test_every_example_is_in_exactly_one_part_and_neither_is_empty(stems, fraction, seed):
    train, val = divide_by_fraction(stems, stems, fraction, seed)
    assert sorted(train + val) == list(range(len(stems)))
    assert train
    assert val
    if 1 <= fraction * len(stems) <= len(stems) - 1:
        assert abs(len(val) - fraction * len(stems)) <= 0.5


def test_the_division_depends_on_the_seed_only():
    stems = [f"image_{i}" for i in range(40)]
    assert divide_by_fraction(stems, stems, 0.25, 1) == divide_by_fraction(stems, stems, 0.25, 1)
    assert divide_by_fraction(stems, stems, 0.25, 1) != divide_by_fraction(stems, stems, 0.25, 2)


def test_added_files_move_few_others():
    stems = [f"image_{i:03d}" for i in range(100)]
    more = sorted([*stems, *(f"new_{i}" for i in range(10))])

    def validating(names: list[str]) -> set[str]:
        return {names[i] for i in divide_by_fraction(names, names, 0.2, 0)[1]}

    moved = {name for name in validating(stems) ^ validating(more) if name in stems}
    assert len(moved) <= 3


def test_pages_of_a_file_stay_together():
    keys = [f"{stem}/{page:03d}" for stem in "abcd" for page in range(5)]
    stems = [key[0] for key in keys]
    train, val = divide_by_fraction(keys, stems, 0.25, 0)
    assert len(val) == 5
    assert {stems[i] for i in val}.isdisjoint({stems[i] for i in train})


def test_of_a_single_file_the_last_pages_validate():
    keys = [f"volume/{page:03d}" for page in range(10)]
    train, val = divide_by_fraction(keys, ["volume"] * 10, 0.3, 0)
    assert (train, val) == ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9])


def test_a_single_image_cannot_be_divided():
    with pytest.raises(UserError, match="alone is the only image"):
        divide_by_fraction(["alone"], ["alone"], 0.5, 0)


@pytest.fixture
def lists(tmp_path):
    def write(train: str, val: str) -> tuple[str, str]:
        (tmp_path / "train.txt").write_text(train)
        (tmp_path / "val.txt").write_text(val)
        return str(tmp_path / "train.txt"), str(tmp_path / "val.txt")

    return write


KEYS = ["a", "b", "c/000", "c/001", "d"]
STEMS = ["a", "b", "c", "c", "d"]


def test_lists_take_stems_and_pages_and_leave_out_the_rest(lists):
    assert divide_by_lists(KEYS, STEMS, *lists("b\nc\n\n", " a \r\n")) == ([1, 2, 3], [0])
    assert divide_by_lists(KEYS, STEMS, *lists("c/001", "c/000")) == ([3], [2])


@pytest.mark.parametrize(
    ("train", "val", "message"),
    [
        ("a\nx.png\ny", "b", r"--train_list=.*no image x\.png, y with a label;"),
        ("a", "\n", "--val_list=.*empty"),
        ("a\na", "b", "--train_list=.*names a twice"),
        ("a\nc", "c/001", "both name c/001"),
    ],
)
def test_lists_that_do_not_fit_are_refused(lists, train, val, message):
    with pytest.raises(UserError, match=message):
        divide_by_lists(KEYS, STEMS, *lists(train, val))


def test_unreadable_lists_are_named(lists, tmp_path):
    train, _ = lists("a", "b")
    with pytest.raises(UserError, match=r"--val_list=.*absent\.txt: No such file"):
        divide_by_lists(KEYS, STEMS, train, str(tmp_path / "absent.txt"))
    (tmp_path / "val.txt").write_bytes(b"\x89PNG\0")
    with pytest.raises(UserError, match="not text"):
        divide_by_lists(KEYS, STEMS, train, str(tmp_path / "val.txt"))
