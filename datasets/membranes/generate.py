"""Synthetic sections of nervous tissue as seen in a transmission electron microscope.

A procedure, not data: every pixel is a function of a seed, an index and a size. Cells are a
perturbed Voronoi tessellation; dark membranes of varying width separate them, sharp where they are
cut perpendicularly and smeared where they are cut obliquely; mitochondria, vesicles and cisternae
inside cells look like membranes and are labelled cell. Texture, noise, contrast drift and blur are
set so that grey-level and shape statistics are close to those of the ISBI 2012 training sections
(mean 126, standard deviation 44, 22 % membrane, membranes 6 to 7 pixels wide).
"""

from collections.abc import Iterable, Iterator

import numpy as np
from scipy import ndimage

from tfadvseg_datasets.isbi2012.classes import CELL, MEMBRANE

from .cells import assign_cells, place_cells
from .fields import Field, smooth_noise, soft_step
from .organelles import cisternae, granules, mitochondria, vesicles

DEFAULT_SIZE = (256, 256)
DEFAULT_COUNTS = {"train": 30, "validation": 10}
"""Number of sections per split in the default set."""

# Far apart, so that splits never share a section.
_FIRST_INDEX = {"train": 0, "validation": 1_000_000}

MARGIN = 16
"""Pixels generated around a section and cut off, so that its border looks like its inside."""


def generate_split(
    seed: int, split: str, numbers: Iterable[int], size: tuple[int, int] = DEFAULT_SIZE
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Generates chosen sections of a split with `generate_section`.

    Args:
        seed: of the whole set.
        split: `train` or `validation`.
        numbers: the sections, counted from 0 in each split.
        size: (height, width), in pixels.
    """
    for number in numbers:
        yield generate_section(seed, _FIRST_INDEX[split] + number, size)


def generate_section(
    seed: int, index: int, size: tuple[int, int] = DEFAULT_SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Generates one section and its label.

    Args:
        seed: of the whole set, 0 or more.
        index: of the section in the set, 0 or more.
        size: (height, width), in pixels.

    Returns:
        image: uint8 [h, w], grey levels.
        label: uint8 [h, w], `MEMBRANE` or `CELL`.

    Raises:
        ValueError: a size below 1, or a negative seed or index.
    """
    if min(size) < 1:
        raise ValueError(f"size={size}: height and width must be at least 1.")
    if seed < 0 or index < 0:
        raise ValueError(f"seed={seed}, index={index}: must not be negative.")
    rng = np.random.default_rng((seed, index))
    padded = (size[0] + 2 * MARGIN, size[1] + 2 * MARGIN)
    owner = assign_cells(rng, place_cells(rng, padded), padded)
    depth = _distance_to_boundary(owner)
    slant = soft_step(smooth_noise(rng, padded, 26) - 1.5, 0.12)
    label = _label(depth, slant)
    tissue = _cytoplasm(rng, owner) - _membranes(rng, depth, slant)
    image = _micrograph(rng, tissue - _organelles(rng, owner, depth))
    inside = np.s_[MARGIN : MARGIN + size[0], MARGIN : MARGIN + size[1]]
    return image[inside], label[inside]


def _distance_to_boundary(owner: np.ndarray) -> Field:
    """Distance from each pixel's centre to the nearest line between two cells, in pixels."""
    inner = np.ones(owner.shape, dtype=bool)
    down = owner[1:] != owner[:-1]
    across = owner[:, 1:] != owner[:, :-1]
    inner[1:] &= ~down
    inner[:-1] &= ~down
    inner[:, 1:] &= ~across
    inner[:, :-1] &= ~across
    distance = ndimage.distance_transform_edt(inner).astype(np.float32) + 0.5
    return ndimage.gaussian_filter(distance, 0.7)  # smooths the steps of the pixel grid


def _label(depth: Field, slant: Field) -> np.ndarray:
    """Membrane as an annotator draws it, rounded and without slivers of cell; uint8 [h, w]."""
    cell = ndimage.gaussian_filter(soft_step(depth - 2.9 - 2.5 * slant, 0.3), 1.5) > 0.5
    pieces, _ = ndimage.label(cell)
    large = np.bincount(pieces.ravel()) >= 40
    large[0] = False
    return np.where(large[pieces], CELL, MEMBRANE).astype(np.uint8)


def _cytoplasm(rng: np.random.Generator, owner: np.ndarray) -> Field:
    """Grey level of cells before their content is drawn."""
    cells = int(owner.max()) + 1
    level = rng.normal(165, 9, cells)
    level[rng.random(cells) < 0.08] -= 28  # glia
    coarseness = rng.uniform(0.7, 1.3, cells).astype(np.float32)
    mottle = 7 * smooth_noise(rng, owner.shape, 3) + 8 * smooth_noise(rng, owner.shape, 12)
    return level[owner].astype(np.float32) + coarseness[owner] * mottle


def _membranes(rng: np.random.Generator, depth: Field, slant: Field) -> Field:
    """Darkness of cell membranes: wide and pale where they are cut obliquely."""
    width = 2.9 * np.exp(0.22 * smooth_noise(rng, depth.shape, 12)) + 4.5 * slant
    strength = 104 + 10 * smooth_noise(rng, depth.shape, 16) - 40 * slant
    profile = strength * np.exp(-np.square(depth / width))
    # Stained densities, as at synapses: dark blots on the membrane.
    blot = soft_step(smooth_noise(rng, depth.shape, 15) - 2.1, 0.1) * np.exp(-np.square(depth / 7))
    return profile + 45 * blot


def _organelles(rng: np.random.Generator, owner: np.ndarray, depth: Field) -> Field:
    darkness = cisternae(rng, depth)
    np.maximum(darkness, mitochondria(rng, owner, depth), out=darkness)
    darkness += vesicles(rng, owner, depth)
    # Fine structure fades near membranes.
    return darkness + granules(rng, owner) * soft_step(depth - 3, 0.8)


def _micrograph(rng: np.random.Generator, tissue: Field) -> np.ndarray:
    """Applies microscope and camera to the tissue; returns uint8 [h, w]."""
    size = tissue.shape
    drift = 6 * smooth_noise(rng, size, 90)
    contrast = 1.06 + 0.08 * smooth_noise(rng, size, 110)
    image = ndimage.gaussian_filter(tissue, 0.7) + drift
    image = 128 + contrast * (image - 128)
    # Fewer electrons arrive where the tissue is dense, so shot noise comes before camera noise.
    shot = rng.standard_normal(size, dtype=np.float32) * np.sqrt(np.clip(image, 16, 255) / 128)
    image += 46 * ndimage.gaussian_filter(shot, 0.7)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
