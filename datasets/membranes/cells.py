"""Cells of a synthetic section: a perturbed, additively weighted Voronoi tessellation."""

import math
from dataclasses import dataclass

import numpy as np

from .fields import smooth_noise

TILE = 32
"""Side, in pixels, of the squares within which cells are assigned."""

MAX_STRETCH = 1.9
"""Stretch of a cell along its longer axis; across it, the cell shrinks by the same factor."""


@dataclass(frozen=True)
class Cells:
    """Sites of a tessellation.

    Attributes:
        centres: float64 [n, 2], (y, x) in pixels.
        radii: float64 [n], additive weights in pixels: large ones claim more room.
        stretches: float64 [n], 1 or more: the axes of a metric are the stretch and its inverse.
        metrics: float64 [n, 2, 2], symmetric; a cell's distance to p is
            |metric @ (p - centre)| - radius.
    """

    centres: np.ndarray
    radii: np.ndarray
    stretches: np.ndarray
    metrics: np.ndarray


def place_cells(rng: np.random.Generator, size: tuple[int, int]) -> Cells:
    """Fills the section with ellipses of very different sizes, large ones first.

    Sizes are log-normal, roughly like cross-sections of neurites: a few large dendrites and cell
    bodies among bundles of thin processes.

    Args:
        rng: source of random choices.
        size: (height, width), in pixels.
    """
    height, width = size
    attempts = math.ceil(height * width / 90)
    radii = np.sort(np.clip(rng.lognormal(2.35, 0.75, attempts), 6, 62))[::-1]
    centres = rng.uniform((-20, -20), (height + 20, width + 20), (attempts, 2))
    kept = np.zeros(attempts, dtype=bool)
    for i in range(attempts):
        gap = np.hypot(*(centres[kept] - centres[i]).T) - radii[kept]
        kept[i] = not np.any(gap < 0.85 * radii[i])
    count = int(kept.sum())
    # Neighbours have similar directions, like processes in a bundle.
    course = smooth_noise(rng, (height + 41, width + 41), 130)
    at = np.rint(centres[kept] + 20).astype(int)
    angle = rng.uniform(0, math.pi) + 0.8 * course[at[:, 0], at[:, 1]] + rng.normal(0, 0.4, count)
    axis = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    stretches = rng.uniform(1, MAX_STRETCH, count)
    along = axis[:, :, None] * axis[:, None, :]
    stretch = stretches[:, None, None]
    return Cells(
        centres=centres[kept],
        radii=radii[kept],
        stretches=stretches,
        metrics=along / stretch + (np.eye(2) - along) * stretch,
    )


def assign_cells(rng: np.random.Generator, cells: Cells, size: tuple[int, int]) -> np.ndarray:
    """Assigns each pixel to a cell, after a random deformation of the plane.

    Args:
        rng: source of the deformation.
        cells: the sites.
        size: (height, width), in pixels.

    Returns:
        int32 [h, w], indices into `cells`.
    """
    height, width = size
    # Two octaves: the course of a membrane, and its small-scale roughness.
    bend = [6.5 * smooth_noise(rng, size, 32) + 1.3 * smooth_noise(rng, size, 10) for _ in "yx"]
    rows = np.arange(height, dtype=np.float32)[:, None] + bend[0]
    columns = np.arange(width, dtype=np.float32)[None, :] + bend[1]
    owner = np.empty(size, dtype=np.int32)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            window = np.s_[top : top + TILE, left : left + TILE]
            points = np.stack([rows[window].ravel(), columns[window].ravel()])
            owner[window] = _nearest(cells, points).reshape(owner[window].shape)
    return owner


def _nearest(cells: Cells, points: np.ndarray) -> np.ndarray:
    """Index of the nearest cell to each of `points`, float32 [2, m]."""
    middle = points.mean(axis=1)
    reach = np.hypot(*(points - middle[:, None])).max()
    from_middle = (
        np.linalg.norm(np.einsum("nij,nj->ni", cells.metrics, middle - cells.centres), axis=1)
        - cells.radii
    )
    # A cell's distance changes by at most its stretch per pixel, so no other cell can be nearest
    # here.
    slack = cells.stretches * reach
    near = np.flatnonzero(from_middle - slack <= (from_middle + slack).min())
    offset = points[None] - cells.centres[near].astype(np.float32)[:, :, None]
    metric = cells.metrics[near].astype(np.float32)[..., None]
    along_y = metric[:, 0, 0] * offset[:, 0] + metric[:, 0, 1] * offset[:, 1]
    along_x = metric[:, 1, 0] * offset[:, 0] + metric[:, 1, 1] * offset[:, 1]
    distance = np.sqrt(np.square(along_y) + np.square(along_x))
    distance -= cells.radii[near].astype(np.float32)[:, None]
    return near[distance.argmin(axis=0)]
