"""Structures inside cells that look like membrane but are not.

Each function returns darkness: grey levels to subtract, float32 [h, w].
"""

import math

import numpy as np
from scipy import ndimage

from .fields import Field, smooth_noise, soft_step


def mitochondria(rng: np.random.Generator, owner: np.ndarray, depth: Field) -> Field:
    """Dark ovals with a double rim and folded inner membranes (cristae).

    Args:
        rng: source of random choices.
        owner: int32 [h, w], the cell of each pixel.
        depth: float32 [h, w], pixels to the nearest cell boundary.
    """
    height, width = owner.shape
    darkness = np.zeros(owner.shape, dtype=np.float32)
    free = depth.copy()
    for _ in range(rng.poisson(height * width / 14000)):
        room = np.flatnonzero(free > 11)
        if not room.size:
            break
        y, x = divmod(int(rng.choice(room)), width)
        semi_minor = min(rng.uniform(9, 19), 0.8 * float(depth[y, x]))
        semi_major = semi_minor * rng.uniform(1.0, 1.7)
        reach = math.ceil(semi_major) + 4
        window = (
            slice(max(y - reach, 0), min(y + reach + 1, height)),
            slice(max(x - reach, 0), min(x + reach + 1, width)),
        )
        one = _mitochondrion(rng, window, (y, x), (semi_major, semi_minor))
        # It stays within its cell, slightly off the boundary.
        inside = (owner[window] == owner[y, x]) * soft_step(depth[window] - 4, 0.5)
        np.maximum(darkness[window], one * inside, out=darkness[window])
        free[window] = 0
    return darkness


def _mitochondrion(
    rng: np.random.Generator,
    window: tuple[slice, slice],
    centre: tuple[int, int],
    semi_axes: tuple[float, float],
) -> Field:
    """Darkness of one mitochondrion within `window`."""
    rows, columns = np.ogrid[window]
    angle = rng.uniform(0, math.pi)
    dy, dx = rows - centre[0], columns - centre[1]
    size = (rows.size, columns.size)
    along = dx * math.cos(angle) + dy * math.sin(angle) + 1.5 * smooth_noise(rng, size, 10)
    across = dy * math.cos(angle) - dx * math.sin(angle) + 1.5 * smooth_noise(rng, size, 10)
    radius = np.hypot(along / semi_axes[0], across / semi_axes[1])
    inward = (1 - radius) * semi_axes[1]  # about the distance to the edge, in pixels
    matrix = rng.uniform(48, 80) * soft_step(inward, 0.5)
    rim = rng.uniform(45, 65) * np.exp(-np.square(inward / 1.3))
    gap = -34 * np.exp(-np.square((inward - 3.2) / 1.2))
    wavelength = rng.uniform(5, 7.5)
    folds = np.sin(2 * math.pi * along / wavelength + 1.2 * smooth_noise(rng, size, 12))
    cristae = rng.uniform(8, 38) * folds * soft_step(inward - 2.5, 0.6)
    return (matrix + rim + gap + cristae).astype(np.float32)


def cisternae(rng: np.random.Generator, depth: Field) -> Field:
    """Thin curved lines inside cells, like endoplasmic reticulum and Golgi bodies.

    Args:
        rng: source of random choices.
        depth: float32 [h, w], pixels to the nearest cell boundary.
    """
    # The zero lines of a smooth field are smooth curves; a second field masks them.
    field = smooth_noise(rng, depth.shape, 9)
    slope = np.hypot(*np.gradient(field)) + 0.03
    line = np.exp(-np.square(field / slope / 1.3))
    visible = soft_step(smooth_noise(rng, depth.shape, 17) - 0.85, 0.1)
    return 55 * line * visible * soft_step(depth - 7, 0.7)


def vesicles(rng: np.random.Generator, owner: np.ndarray, depth: Field) -> Field:
    """Small rings in clusters, some with a dense core.

    Args:
        rng: source of random choices.
        owner: int32 [h, w], the cell of each pixel.
        depth: float32 [h, w], pixels to the nearest cell boundary.
    """
    height, width = owner.shape
    by_cell = np.exp(1.1 * rng.standard_normal(int(owner.max()) + 1, dtype=np.float32))
    crowding = by_cell[owner] * np.exp(0.6 * smooth_noise(rng, owner.shape, 24))
    chance = rng.random(owner.shape, dtype=np.float32) / crowding
    pad = 8
    darkness = np.zeros((height + 2 * pad, width + 2 * pad), dtype=np.float32)
    least = 0.0
    for radius, core, density in ((2.8, 0.0, 1 / 420), (4.4, 0.0, 1 / 1100), (3.2, 1.0, 1 / 2200)):
        chosen = (chance >= least) & (chance < least + density) & (depth > radius + 4)
        least += density
        stamp = _vesicle(radius, core)
        reach = stamp.shape[0] // 2
        for y, x in np.argwhere(chosen) + pad:
            window = np.s_[y - reach : y + reach + 1, x - reach : x + reach + 1]
            darkness[window] += rng.uniform(0.5, 1) * stamp
    return np.minimum(darkness[pad:-pad, pad:-pad], 70)


def _vesicle(radius: float, core: float) -> Field:
    reach = math.ceil(radius + 2)
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(rows, columns)
    rim = np.exp(-np.square((distance - radius) / 0.9))
    middle = np.exp(-np.square(distance / (0.6 * radius)))
    return (58 * rim + (60 * core - 16) * middle).astype(np.float32)


def granules(rng: np.random.Generator, owner: np.ndarray) -> Field:
    """Ribosomes and microtubules seen end on: dark specks, sparser in some cells.

    Args:
        rng: source of random choices.
        owner: int32 [h, w], the cell of each pixel.
    """
    density = 0.03 * np.exp(0.5 * rng.standard_normal(int(owner.max()) + 1))[owner]
    specks = (rng.random(owner.shape) < density) * rng.exponential(1.0, owner.shape)
    return np.minimum(360 * ndimage.gaussian_filter(specks.astype(np.float32), 1.3), 60)
