"""Spirochaetes and debris of a synthetic darkfield image, drawn as points and lines."""

import math

import numpy as np
from scipy import ndimage

from tfadvseg_datasets.membranes.fields import Field, smooth_noise

from .erythrocytes import Erythrocyte

STEP = 0.5
"""Distance between the points of a line, in pixels."""

Points = np.ndarray
"""float64 [n, 2], (y, x) in pixels."""


def place_spirochaetes(
    rng: np.random.Generator,
    size: tuple[int, int],
    cells: list[Erythrocyte],
    scale: float,
) -> list[Points]:
    """Centre lines of spirochaetes, some of them attached to a cell.

    Args:
        rng: source of random choices.
        size: (height, width), in pixels.
        cells: cells that spirochaetes may be attached to.
        scale: pixels per unit of length; at 1 they are 25 to 100 pixels long.
    """
    density = rng.lognormal(math.log(size[0] * size[1] / 20000), 0.7)
    return [_spirochaete(rng, size, cells, scale) for _ in range(1 + rng.poisson(density))]


def _spirochaete(
    rng: np.random.Generator, size: tuple[int, int], cells: list[Erythrocyte], scale: float
) -> Points:
    """A slowly bending course with a wave added to it."""
    count = int(rng.uniform(20, 90) * scale / STEP)
    start = rng.uniform((0, 0), size)
    heading = rng.uniform(0, 2 * math.pi)
    if cells and rng.uniform() < 0.35:
        cell = cells[int(rng.integers(len(cells)))]
        direction = np.array([math.sin(heading), math.cos(heading)])
        start = np.array(cell.centre) + cell.radius * direction
    along = np.arange(count) * STEP / scale
    course = heading + 0.55 * smooth_noise(rng, (count, 1), 24 * scale / STEP)[:, 0]
    # The wave varies in length and height along the body.
    stretch = np.exp(0.3 * smooth_noise(rng, (count, 1), 12 * scale / STEP)[:, 0])
    phase = np.cumsum(2 * math.pi / rng.uniform(7, 16) * STEP / scale * stretch)
    swell = 1 + 0.5 * np.sin(along / 8 + rng.uniform(0, 6))
    amplitude = rng.uniform(0.4, 1.9) * scale * swell / stretch
    forward = np.stack([np.sin(course), np.cos(course)], axis=-1)
    sideways = np.stack([np.cos(course), -np.sin(course)], axis=-1)
    line = start + np.cumsum(STEP * forward, axis=0)
    return line + (amplitude * np.sin(phase))[:, None] * sideways


def place_debris(rng: np.random.Generator, size: tuple[int, int]) -> list[tuple[Points, float]]:
    """Specks, and short straight or kinked rods that are not spirochaetes, with their brightness.

    Args:
        rng: source of random choices.
        size: (height, width), in pixels.
    """
    area = size[0] * size[1] / 65536
    pieces = []
    for _ in range(rng.poisson(rng.lognormal(math.log(40 * area), 0.8))):
        brightness = float(np.clip(rng.exponential(1.2), 0.15, 8))
        pieces.append((rng.uniform((0, 0), size)[None], brightness))
    for _ in range(rng.poisson(8 * area)):
        heading, kink = rng.uniform(0, 2 * math.pi), rng.uniform(-1.2, 1.2)
        halves = rng.integers(3, 8, 2)
        angles = np.concatenate([np.full(halves[0], heading), np.full(halves[1], heading + kink)])
        moves = STEP * np.stack([np.sin(angles), np.cos(angles)], axis=-1)
        rod = rng.uniform((0, 0), size) + np.cumsum(moves, axis=0)
        pieces.append((rod, float(rng.uniform(0.4, 1.6))))
    return pieces


def splat(points: Points, weights: np.ndarray | float, size: tuple[int, int]) -> Field:
    """Adds points to a field, each distributed over the four pixels around it.

    Args:
        points: float64 [n, 2]; points outside are ignored.
        weights: float64 [n], or one number for all.
        size: (height, width), in pixels.

    Returns:
        float32 [h, w]; its sum is the sum of the weights of points inside.
    """
    flat = np.zeros((size[0] + 2) * (size[1] + 2))
    weights = np.broadcast_to(weights, len(points))
    inside = np.all((points >= 0) & (points <= np.array(size) - 1), axis=1)
    points, weights = points[inside], weights[inside]
    corner = np.floor(points).astype(np.int64)
    share = points - corner
    for down in (0, 1):
        for right in (0, 1):
            part = np.abs(1 - down - share[:, 0]) * np.abs(1 - right - share[:, 1])
            at = (corner[:, 0] + down) * (size[1] + 2) + corner[:, 1] + right
            flat += np.bincount(at, part * weights, minlength=flat.size)
    return flat.reshape(size[0] + 2, size[1] + 2)[: size[0], : size[1]].astype(np.float32)


def thick_lines(lines: list[Points], size: tuple[int, int], half_width: float) -> np.ndarray:
    """Draws lines as an annotator would with a brush.

    Args:
        lines: points at a distance of `STEP`.
        size: (height, width), in pixels.
        half_width: distance from a line to its border, in pixels.

    Returns:
        bool [h, w].
    """
    if not lines:
        return np.zeros(size, dtype=bool)
    sigma = 0.8 * half_width
    blurred = ndimage.gaussian_filter(splat(np.concatenate(lines), 1.0, size), sigma)
    # A straight line becomes a ridge with Gaussian profile; this is its value at half_width.
    crest = 1 / (STEP * sigma * math.sqrt(2 * math.pi))
    return blurred > crest * math.exp(-((half_width / sigma) ** 2) / 2)
