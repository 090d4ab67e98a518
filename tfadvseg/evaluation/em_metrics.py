"""The metrics of the ISBI 2012 EM segmentation challenge: V_rand and V_info after border thinning.

Source: Arganda-Carreras et al., Crowdsourcing the creation of image segmentation algorithms for
connectomics, Frontiers in Neuroanatomy 9:142, 2015. Where the text leaves a choice, this follows
the organisers' scoring script and the metrics of Fiji's Trainable Segmentation that it calls:

- Segments are 4-connected components of foreground (the insides of cells). A proposal is a
  probability of foreground, cut at a threshold.
- The proposal's borders are thinned by flooding its segments into them until they meet in lines
  one pixel wide (watershed). The truth is not thinned.
- Only pixels inside true segments count ("foreground-restricted"). Among them, each pixel on a line
  of the proposal counts as a segment of its own.
- Sections are scored separately, the scores averaged over sections for each threshold, and the
  best average taken. V_rand and V_info may use different thresholds.
- Pixel error is 1 minus the best F-score of foreground pixels over thresholds, with the pixels
  of all sections pooled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage, sparse
from skimage.segmentation import watershed

from tfadvseg.data.descriptors import IGNORE_LABEL

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""The challenge's steps without 0 and 1, at which a probability has no borders or no cells."""


class Scores(NamedTuple):
    """Agreement of two segmentations, each value in [0,1]; NaN if no pixel counts.

    Attributes:
        f_score: of `split` and `merge`, weighted equally (alpha = 0.5).
        split: 1 if no true segment is split.
        merge: 1 if no two true segments are merged.
    """

    f_score: float
    split: float
    merge: float


@dataclass(frozen=True)
class EmScores:
    """The challenge's metrics for a stack of sections.

    Attributes:
        v_rand, v_info: means over sections, at the threshold with the largest mean F-score.
        v_rand_threshold, v_info_threshold: those thresholds.
        pixel_error: 1 minus the largest F-score of foreground pixels.

    All are NaN if no section has a foreground pixel.
    """

    v_rand: Scores
    v_rand_threshold: float
    v_info: Scores
    v_info_threshold: float
    pixel_error: float

    def as_metrics(self) -> dict[str, float]:
        """Values by name: `v_rand`, `v_rand_split`, `v_rand_merge`, `v_rand_threshold`, ..."""
        metrics = {}
        for name, scores, threshold in (
            ("v_rand", self.v_rand, self.v_rand_threshold),
            ("v_info", self.v_info, self.v_info_threshold),
        ):
            metrics[name] = scores.f_score
            metrics[f"{name}_split"] = scores.split
            metrics[f"{name}_merge"] = scores.merge
            metrics[f"{name}_threshold"] = threshold
        return metrics | {"pixel_error": self.pixel_error}


class SectionMeasures(NamedTuple):
    """Measurements of one section at each of T thresholds.

    Attributes:
        rand, info: [T,3] float64, one row of `Scores` per threshold.
        pixels: [T,3] int64, true positive, false positive and false negative foreground pixels.
    """

    rand: np.ndarray
    info: np.ndarray
    pixels: np.ndarray


def connected_segments(foreground: np.ndarray) -> np.ndarray:
    """4-connected components: bool [H,W] to int32 [H,W], numbered from 1; 0 outside."""
    segments, _ = ndimage.label(foreground)
    return segments.astype(np.int32)


def thin_borders(foreground: np.ndarray) -> np.ndarray:
    """Segments of a foreground mask, grown into its borders until these are one pixel wide.

    A border that separates nothing, such as a membrane that ends inside a cell, disappears.

    Args:
        foreground: bool [H,W].

    Returns:
        int32 [H,W]: segments from 1; 0 on the lines where two meet. All 1 if there is no
        foreground at all, because then nothing is separated.
    """
    segments = connected_segments(foreground)
    if not segments.any():
        return np.ones_like(segments)
    level = np.zeros(segments.shape, np.uint8)
    return watershed(level, segments, connectivity=1, watershed_line=True).astype(np.int32)


def overlap_table(segments: np.ndarray, truth_segments: np.ndarray) -> sparse.csr_array:
    """Counts the pixels shared by each true segment and each proposed segment.

    Args:
        segments: [H,W] int, proposed segments from 1; 0 on borders.
        truth_segments: [H,W] int, true segments from 1; pixels of 0 do not count.

    Returns:
        Float64 [true segments, proposed segments + 1]; column 0 contains border pixels.

    Raises:
        ValueError: the shapes differ.
    """
    if segments.shape != truth_segments.shape:
        raise ValueError(f"segments are {segments.shape}, truth is {truth_segments.shape}.")
    counts = truth_segments > 0
    rows, columns = truth_segments[counts] - 1, segments[counts]
    shape = (int(truth_segments.max(initial=0)), int(segments.max(initial=0)) + 1)
    table = sparse.coo_array((np.ones(rows.size), (rows, columns)), shape=shape).tocsr()
    table.sum_duplicates()
    return table


def rand_scores(segments: np.ndarray, truth_segments: np.ndarray) -> Scores:
    """Foreground-restricted Rand score, Arganda-Carreras et al. 2015, eq. 3.

    With p_ij the share of pixels in proposed segment i and true segment j, s_i and t_j its sums,
    the F-score is sum p_ij^2 / (alpha sum s_i^2 + (1 - alpha) sum t_j^2) with alpha = 0.5; alpha
    = 0 gives the split score, alpha = 1 the merge score.

    Args:
        segments: [H,W] int, proposed segments from 1; 0 on borders, where each pixel counts as a
            segment of its own.
        truth_segments: [H,W] int, true segments from 1; pixels of 0 do not count.
    """
    return _rand_scores(overlap_table(segments, truth_segments))


def info_scores(segments: np.ndarray, truth_segments: np.ndarray) -> Scores:
    """Foreground-restricted information-theoretic score, Arganda-Carreras et al. 2015, eq. 6.

    With I the mutual information of proposed segments S and true segments T and H their entropies,
    the F-score is I / ((1 - alpha) H(S) + alpha H(T)) with alpha = 0.5; alpha = 0 gives the split
    score, alpha = 1 the merge score. 0 / 0, which occurs with a single segment, is 1: there was
    nothing to split or merge.

    Args:
        segments, truth_segments: as for `rand_scores`.
    """
    return _info_scores(overlap_table(segments, truth_segments))


def _rand_scores(table: sparse.csr_array) -> Scores:
    if table.sum() == 0:
        return Scores(np.nan, np.nan, np.nan)
    border, joint, proposed, true = _parts(table)
    # The common factor 1 / pixels^2 cancels.
    together = np.square(joint).sum() + border
    in_proposed = np.square(proposed).sum() + border
    in_true = np.square(true).sum()
    return Scores(
        f_score=float(together / (0.5 * in_proposed + 0.5 * in_true)),
        split=float(together / in_true),
        merge=float(together / in_proposed),
    )


def _info_scores(table: sparse.csr_array) -> Scores:
    pixels = table.sum()
    if pixels == 0:
        return Scores(np.nan, np.nan, np.nan)
    border, joint, proposed, true = (part / pixels for part in _parts(table))
    # Each of the `border` pixels is a segment with share 1 / pixels.
    of_singles = border * np.log(pixels)
    entropy_joint = _entropy(joint) + of_singles
    entropy_proposed = _entropy(proposed) + of_singles
    entropy_true = _entropy(true)
    # Rounding may leave a small negative value.
    shared = max(entropy_proposed + entropy_true - entropy_joint, 0.0)
    return Scores(
        f_score=_share(shared, 0.5 * entropy_proposed + 0.5 * entropy_true),
        split=_share(shared, entropy_proposed),
        merge=_share(shared, entropy_true),
    )


def _parts(table: sparse.csr_array) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Number of border pixels; pixels of each overlap, each proposed and each true segment."""
    inside = table[:, 1:]
    border = float(table.sum() - inside.sum())
    return border, inside.data, inside.sum(axis=0), table.sum(axis=1)


def _entropy(shares: np.ndarray) -> float:
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def _share(part: float, whole: float) -> float:
    # An entropy that consists of rounding errors is that of a single segment.
    return min(part / whole, 1.0) if whole > 1e-12 else 1.0


def measure_section(
    probability_foreground: np.ndarray,
    label: np.ndarray,
    foreground_class: int = 1,
    thresholds: Sequence[float] = THRESHOLDS,
) -> SectionMeasures:
    """Measures one section at each threshold; `em_scores_of` combines sections.

    Args:
        probability_foreground: [H,W] float32 in [0,1].
        label: [H,W] int, class ids or `IGNORE_LABEL`, whose pixels do not count.
        foreground_class: the class inside cells.
        thresholds: a pixel is foreground if its probability exceeds the threshold.

    Raises:
        ValueError: the shapes differ.
    """
    if probability_foreground.shape != label.shape:
        raise ValueError(f"probability is {probability_foreground.shape}, label {label.shape}.")
    true = label == foreground_class
    valid = label != IGNORE_LABEL
    truth_segments = connected_segments(true)
    rand, info, pixels = [], [], []
    for threshold in thresholds:
        proposed = probability_foreground > threshold
        table = overlap_table(thin_borders(proposed), truth_segments)
        rand.append(_rand_scores(table))
        info.append(_info_scores(table))
        counts = (proposed & true, proposed & ~true & valid, ~proposed & true)
        pixels.append([np.count_nonzero(part) for part in counts])
    return SectionMeasures(np.array(rand), np.array(info), np.array(pixels, np.int64))


def section_sums(section: SectionMeasures) -> np.ndarray:
    """A section's measures as numbers that add up over sections, for `em_scores_of_sums`.

    Returns:
        [T,10] float64: `rand`, `info`, 1 if the section has true segments, and `pixels`. Scores of
        a section without true segments are 0.
    """
    scores = np.concatenate([section.rand, section.info], axis=1)
    scored = not np.isnan(scores).any()
    has_segments = np.full((len(scores), 1), float(scored))
    scores = scores if scored else np.zeros_like(scores)
    return np.concatenate([scores, has_segments, section.pixels], axis=1)


def em_scores_of(
    sections: Sequence[SectionMeasures], thresholds: Sequence[float] = THRESHOLDS
) -> EmScores:
    """Combines the measurements of sections; sections without true segments are left out.

    Args:
        sections: from `measure_section`, with the same `thresholds`.

    Raises:
        ValueError: there are no sections.
    """
    if not sections:
        raise ValueError("No sections to score.")
    return em_scores_of_sums(np.sum([*map(section_sums, sections)], axis=0), thresholds)


def em_scores_of_sums(sums: np.ndarray, thresholds: Sequence[float] = THRESHOLDS) -> EmScores:
    """The challenge's measures from `section_sums` that were added up over sections.

    Args:
        sums: [T,10].
        thresholds: T of them.
    """
    rand, rand_threshold = _best(sums[:, 0:3], sums[:, 6:7], thresholds)
    info, info_threshold = _best(sums[:, 3:6], sums[:, 6:7], thresholds)
    found, claimed, missed = sums[:, 7:10].T
    foreground = found + missed
    if foreground.any():
        pixel_error = float(1 - (2 * found / (foreground + found + claimed)).max())
    else:
        pixel_error = float("nan")
    return EmScores(
        v_rand=rand,
        v_rand_threshold=rand_threshold,
        v_info=info,
        v_info_threshold=info_threshold,
        pixel_error=pixel_error,
    )


def _best(
    sums: np.ndarray, sections: np.ndarray, thresholds: Sequence[float]
) -> tuple[Scores, float]:
    if not sections.any():
        return Scores(np.nan, np.nan, np.nan), float("nan")
    means = sums / sections
    best = int(means[:, 0].argmax())
    return Scores(*map(float, means[best])), float(thresholds[best])


def em_scores(
    probability_foreground: Iterable[np.ndarray],
    label: Iterable[np.ndarray],
    foreground_class: int = 1,
    thresholds: Sequence[float] = THRESHOLDS,
) -> EmScores:
    """The challenge's metrics for a stack.

    Args:
        probability_foreground: [N,H,W] float32 in [0,1], or sections [H,W] of any sizes.
        label: the same number, int, class ids or `IGNORE_LABEL`, whose pixels do not count.
        foreground_class: the class inside cells.
        thresholds: at which the probability is cut.

    Raises:
        ValueError: the stacks differ in length or shape, or are empty.
    """
    sections = [
        measure_section(probability, truth, foreground_class, thresholds)
        for probability, truth in zip(probability_foreground, label, strict=True)
    ]
    return em_scores_of(sections, thresholds)
