"""Smooth random fields: what every soft variation of a synthetic section is made of."""

import numpy as np

Field = np.ndarray
"""float32 [h, w]."""


def smooth_noise(rng: np.random.Generator, size: tuple[int, ...], scale: float) -> Field:
    """Gaussian noise of mean 0 and variance 1 that varies over about `scale` pixels.

    A coarse grid of normal deviates under uniform cubic B-splines: twice differentiable, at a cost
    that does not grow with `scale`.

    Args:
        rng: where the deviates come from.
        size: (height, width), in pixels.
        scale: spacing of the coarse grid, in pixels, 1 or more.

    Returns:
        float32 [h, w].
    """
    rows, columns = (_spline_matrix(rng, length, scale) for length in size)
    coarse = rng.standard_normal((rows.shape[1], columns.shape[1]), dtype=np.float32)
    return rows @ coarse @ columns.T


def _spline_matrix(rng: np.random.Generator, length: int, scale: float) -> np.ndarray:
    """Weights [length, knots] of the knots in each position; every row has norm 1."""
    # A random phase, or the grid would lie at the same place in every section.
    position = (np.arange(length) + rng.uniform(0, scale)) / scale
    knots = int(position[-1]) + 4
    distance = np.abs(position[:, None] - np.arange(-1, knots - 1)[None, :])
    weights = np.where(
        distance < 1,
        2 / 3 - distance**2 + distance**3 / 2,
        np.clip(2 - distance, 0, None) ** 3 / 6,
    )
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)


def soft_step(field: Field, softness: float) -> Field:
    """0 far below zero, 1 far above, with a transition about 4 * `softness` wide."""
    return (0.5 * (1 + np.tanh(field / (2 * softness)))).astype(np.float32)
