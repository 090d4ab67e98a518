"""Smooth random fields, the basis of every smooth variation of a synthetic section."""

import numpy as np

Field = np.ndarray
"""float32 [h, w]."""


def smooth_noise(rng: np.random.Generator, size: tuple[int, ...], scale: float) -> Field:
    """Gaussian noise of mean 0 and variance 1 that varies over about `scale` pixels.

    A coarse grid of normal deviates, interpolated with uniform cubic B-splines: twice
    differentiable, at a cost that does not grow with `scale`.

    Args:
        rng: source of the deviates.
        size: (height, width), in pixels.
        scale: spacing of the coarse grid, in pixels, 1 or more.

    Returns:
        float32 [h, w].
    """
    (top, vertical), (left, horizontal) = (_spline(rng, length, scale) for length in size)
    knots = (int(top[-1]) + 4, int(left[-1]) + 4)
    coarse = rng.standard_normal(knots, dtype=np.float32)
    # No matrix products: they would start BLAS threads for very little work.
    stretched = sum(coarse[top + tap] * vertical[tap][:, None] for tap in range(4))
    return sum(stretched[:, left + tap] * horizontal[tap] for tap in range(4))


def _spline(
    rng: np.random.Generator, length: int, scale: float
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """The first of the four knots that contribute to each position, and their weights, of norm 1.

    Returns:
        int64 [length], and four times float32 [length].
    """
    # With a random phase, because otherwise the grid would lie at the same place in every section.
    position = (np.arange(length) + rng.uniform(0, scale)) / scale
    knot = position.astype(np.int64)
    t = position - knot
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    )
    return knot, tuple((weights / np.linalg.norm(weights, axis=0)).astype(np.float32))


def soft_step(field: Field, softness: float) -> Field:
    """Smooth step: 0 far below zero, 1 far above, with a transition about 4 * `softness` wide."""
    return (0.5 * (1 + np.tanh(field / (2 * softness)))).astype(np.float32)
