import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.stats import entropy
from skimage.metrics import adapted_rand_error, variation_of_information

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.evaluation.em_metrics import (
    connected_segments,
    em_scores,
    info_scores,
    rand_scores,
    thin_borders,
)

LN2, LN3, LN6 = np.log([2, 3, 6])


def row(*values: int) -> np.ndarray:
    return np.array([values])


def blobs(seed: int, shape: tuple[int, int] = (40, 50), smoothing: float = 1.5) -> np.ndarray:
    """A mask of irregular cells with borders between most of them."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return gaussian_filter(noise, smoothing) > -0.05


# Expected values are (F-score, split, merge), computed from the counts in the comments.
@pytest.mark.parametrize(
    ("segments", "truth", "rand", "info"),
    [
        pytest.param(
            row(4, 4, 4, 0, 7, 7),
            row(1, 1, 1, 0, 2, 2),
            (1, 1, 1),
            (1, 1, 1),
            id="the same under other numbers",
        ),
        pytest.param(
            row(1, 1, 1, 1, 1, 1, 1),
            row(1, 1, 1, 0, 2, 2, 2),
            # Joint 3,3; proposed 6; true 3,3: 18 / ((36 + 18) / 2), 18 / 18, 18 / 36.
            (2 / 3, 1, 1 / 2),
            # One proposed segment carries no information; nothing is split.
            (0, 1, 0),
            id="merged",
        ),
        pytest.param(
            row(1, 1, 2, 2),
            row(1, 1, 1, 1),
            # Joint 2,2; proposed 2,2; true 4: 8 / ((8 + 16) / 2), 8 / 16, 8 / 8.
            (2 / 3, 1 / 2, 1),
            (0, 0, 1),
            id="split",
        ),
        pytest.param(
            row(1, 1, 0, 0, 2, 2),
            row(1, 1, 1, 2, 2, 2),
            # Joint 2,1,1,2 with two border pixels alone; true 3,3: 10 / 14, 10 / 18, 10 / 10.
            (10 / 14, 10 / 18, 1),
            # I = H(T) = ln 2; H(S) = 2 (1/3) ln 3 + 2 (1/6) ln 6.
            (
                LN2 / (0.5 * (2 / 3 * LN3 + 1 / 3 * LN6) + 0.5 * LN2),
                LN2 / (2 / 3 * LN3 + 1 / 3 * LN6),
                1,
            ),
            id="border pixels inside a cell are segments of one pixel",
        ),
        pytest.param(
            row(1, 1, 1, 2, 3, 3),
            row(1, 1, 0, 0, 2, 2),
            (1, 1, 1),
            (1, 1, 1),
            id="pixels on true borders do not count",
        ),
        pytest.param(row(3, 3, 3), row(1, 1, 1), (1, 1, 1), (1, 1, 1), id="one and the same"),
    ],
)
def test_scores_by_hand(segments, truth, rand, info):
    assert rand_scores(segments, truth) == pytest.approx(rand)
    assert info_scores(segments, truth) == pytest.approx(info, abs=1e-12)


def test_no_true_segment_has_no_score():
    assert np.isnan(rand_scores(row(1, 1), row(0, 0))).all()
    assert np.isnan(info_scores(row(1, 1), row(0, 0))).all()


def with_single_pixel_borders(segments: np.ndarray) -> np.ndarray:
    """Gives each border pixel a number of its own, for libraries without that rule."""
    numbered = segments.copy()
    border = numbered == 0
    numbered[border] = numbered.max() + 1 + np.arange(border.sum())
    return numbered


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_rand_agrees_with_scikit_image(seed):
    truth = connected_segments(blobs(seed))
    segments = with_single_pixel_borders(thin_borders(blobs(seed) & blobs(seed + 1, smoothing=3)))
    error, rows, columns = adapted_rand_error(truth, segments, ignore_labels=(0,))

    # It counts ordered pairs of different pixels, sum n (n - 1) = sum n^2 - N, where the paper
    # counts sum n^2. Its rows are true segments.
    counted = truth > 0
    pixels = counted.sum()
    true = np.square(np.bincount(truth[counted]).astype(float)).sum()
    proposed = np.square(np.bincount(segments[counted]).astype(float)).sum()
    ours = rand_scores(segments, truth)
    assert ours.split == pytest.approx((rows * (true - pixels) + pixels) / true)
    assert ours.merge == pytest.approx((columns * (proposed - pixels) + pixels) / proposed)
    mean = (true + proposed) / 2
    assert ours.f_score == pytest.approx(((1 - error) * (mean - pixels) + pixels) / mean)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_info_agrees_with_scikit_image(seed):
    truth = connected_segments(blobs(seed))
    proposal = thin_borders(blobs(seed) & blobs(seed + 1, smoothing=3))
    # With a single segment the shares below are 0 / 0; these cases are computed by hand above.
    assume(truth.max() > 1 and proposal.max() > 1)
    segments = with_single_pixel_borders(proposal)
    split_bits, merge_bits = variation_of_information(truth, segments, ignore_labels=(0,))

    # It reports H(S|T) and H(T|S) in bits: I(S;T) = H(S) - H(S|T) = H(T) - H(T|S).
    counted = truth > 0
    of_proposed = entropy(np.bincount(segments[counted]), base=2)
    of_true = entropy(np.bincount(truth[counted]), base=2)
    expected = (
        (of_proposed - split_bits) / (0.5 * of_proposed + 0.5 * of_true),
        1 - split_bits / of_proposed,
        1 - merge_bits / of_true,
    )
    # The rule for border pixels gives the same as numbering them.
    assert info_scores(proposal, truth) == pytest.approx(expected)
    assert info_scores(segments, truth) == pytest.approx(expected)


def test_cells_that_touch_at_a_corner_are_two():
    np.testing.assert_array_equal(connected_segments(np.eye(2, dtype=bool)), [[1, 0], [0, 2]])


def test_a_wide_border_becomes_one_pixel_wide_in_its_middle():
    foreground = np.ones((4, 9), bool)
    foreground[:, 2:7] = False
    expected = [[1, 1, 1, 1, 0, 2, 2, 2, 2]] * 4
    np.testing.assert_array_equal(thin_borders(foreground), expected)


def test_a_border_that_ends_inside_a_cell_is_swallowed():
    foreground = np.ones((7, 7), bool)
    foreground[3, :5] = False
    np.testing.assert_array_equal(thin_borders(foreground), np.ones((7, 7)))


def test_without_foreground_nothing_is_kept_apart():
    np.testing.assert_array_equal(thin_borders(np.zeros((3, 4), bool)), np.ones((3, 4)))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_thinning_keeps_every_segment_and_keeps_them_apart(seed):
    foreground = blobs(seed)
    thinned = thin_borders(foreground)
    np.testing.assert_array_equal(thinned[foreground], connected_segments(foreground)[foreground])
    for one, other in (
        (thinned[:, 1:], thinned[:, :-1]),
        (thinned[1:], thinned[:-1]),
    ):
        assert not np.any((one != other) & (one > 0) & (other > 0))
    assert (thinned == 0).sum() <= (~foreground).sum()


# Two cells of 3 x 3 with a border between them.
CELLS = np.ones((3, 7), np.uint8)
CELLS[:, 3] = 0


def border_of(probability: float) -> np.ndarray:
    return np.where(CELLS == 1, 1, probability).astype(np.float32)


def test_a_perfect_proposal_scores_one():
    scores = em_scores(border_of(0.0)[np.newaxis], CELLS[np.newaxis])
    assert scores.v_rand == scores.v_info == (1, 1, 1)
    assert scores.pixel_error == 0


def test_the_threshold_is_common_to_all_sections():
    # At 0.4 the first section is perfect and the second, whose cells lie at 0.3, has no
    # foreground, hence one segment; at 0.2 the first is merged and the second perfect.
    first = border_of(0.3)
    second = np.where(CELLS == 1, 0.3, 0).astype(np.float32)
    scores = em_scores([first, second], [CELLS, CELLS], thresholds=(0.2, 0.4))
    assert scores.v_rand == pytest.approx(((1 + 2 / 3) / 2, 1, (1 + 1 / 2) / 2))
    assert scores.v_info == pytest.approx((1 / 2, 1, 1 / 2))
    # At 0.2 all 36 pixels are found and 3 border pixels claimed; at 0.4 only 18 are found.
    assert scores.pixel_error == pytest.approx(1 - 72 / 75)


def test_each_measure_takes_its_best_threshold():
    # Up to 0.5 the cells are merged; above, a line of border pixels cuts the left cell in two.
    probability = border_of(0.5)
    probability[1, :3] = 0.7
    scores = em_scores([probability], [CELLS], thresholds=(0.4, 0.6, 0.8))
    assert scores.v_rand_threshold == scores.v_info_threshold == 0.6
    assert scores.v_rand == scores.v_info == (1, 1, 1)
    worse = em_scores([probability], [CELLS], thresholds=(0.4, 0.8))
    # Left cell 3 + 3 pixels and 3 alone, right 9: 9 + 9 + 3 + 81 over true 162.
    assert worse.v_rand_threshold == 0.8
    assert worse.v_rand == pytest.approx((102 / 132, 102 / 162, 1))


def test_foreground_is_strictly_above_the_threshold():
    scores = em_scores([border_of(0.5)], [CELLS], thresholds=(0.5,))
    assert scores.v_rand.f_score == 1


def test_ignored_pixels_count_nowhere():
    label = CELLS.copy()
    label[:, 3] = IGNORE_LABEL
    label[0, 0] = IGNORE_LABEL
    probability = border_of(0.0)
    probability[0, 3] = 1  # claimed, but ignored
    probability[0, 0] = 0  # missed, but ignored
    assert em_scores([probability], [label]).pixel_error == 0


def test_another_class_may_be_the_foreground():
    direct = em_scores([border_of(0.2)], [CELLS])
    renamed = em_scores([border_of(0.2)], [np.where(CELLS == 1, 2, 0)], foreground_class=2)
    assert renamed == direct


def test_sections_without_cells_are_left_out_of_means_but_their_false_pixels_count():
    empty = np.zeros_like(CELLS)
    with_empty = em_scores([border_of(0.0), border_of(0.0)], [CELLS, empty])
    assert with_empty.v_rand == (1, 1, 1)
    assert with_empty.pixel_error == pytest.approx(1 - 36 / 54)


def test_no_cells_at_all_have_no_score():
    scores = em_scores([border_of(0.0)], [np.zeros_like(CELLS)])
    assert all(np.isnan(value) for value in scores.as_metrics().values())


def test_metrics_have_flat_names():
    assert set(em_scores([border_of(0.0)], [CELLS]).as_metrics()) == {
        "v_rand",
        "v_rand_split",
        "v_rand_merge",
        "v_rand_threshold",
        "v_info",
        "v_info_split",
        "v_info_merge",
        "v_info_threshold",
        "pixel_error",
    }


@pytest.mark.parametrize("labels", [[], [CELLS], [CELLS, CELLS[:2]]])
def test_stacks_that_do_not_match_are_refused(labels):
    with pytest.raises(ValueError):
        em_scores([border_of(0.0), border_of(0.0)], labels)


def test_an_empty_stack_is_refused():
    with pytest.raises(ValueError, match="No sections"):
        em_scores([], [])
