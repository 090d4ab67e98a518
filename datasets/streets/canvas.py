"""The canvas of a scene: surfaces in one-point perspective, painted from far to near."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .styles import Material, Style

Point = tuple[float, float]
"""(column, row), in pixels."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along the road; world coordinates in metres: right, up, ahead.

    Attributes:
        focal: focal length, in pixels.
        centre: (column, row) of the vanishing point.
        height: above the road.
        offset: to the right of the middle of the road.
    """

    focal: float
    centre: Point
    height: float
    offset: float

    def project(self, x: float, y: float, z: float) -> Point:
        scale = self.focal / z
        return (
            self.centre[0] + scale * (x - self.offset),
            self.centre[1] + scale * (self.height - y),
        )


class Canvas:
    """Painted surfaces by number; each has its own class and look.

    Attributes:
        camera: maps metres to pixels.
        style: defines the colours of materials.
        rng: source of colours.
        index: Pillow image of mode I, the number of the surface visible at each pixel.
        shadow: Pillow image of mode L, 255 where something casts a shadow on the ground.
        classes, colours, textures: by surface number: class id, RGB, (fine, coarse) texture in
            grey levels.
    """

    def __init__(
        self, size: tuple[int, int], camera: Camera, style: Style, rng: np.random.Generator
    ) -> None:
        self.camera, self.style, self.rng = camera, style, rng
        self.index = Image.new("I", (size[1], size[0]), 0)
        self.shadow = Image.new("L", (size[1], size[0]), 0)
        self.classes: list[int] = []
        self.colours: list[np.ndarray] = []
        self.textures: list[tuple[float, float]] = []
        self._draw = ImageDraw.Draw(self.index)
        self._draw_shadow = ImageDraw.Draw(self.shadow)

    def brush(
        self, class_id: int, material: Material, shade: float = 1.0, depth: float = 0.0
    ) -> int:
        """Adds a surface and returns its number.

        Args:
            class_id: its label.
            material: its material; its colour is drawn from the style's.
            shade: brightness factor, for instance of faces turned away from the light.
            depth: in metres; far surfaces fade into haze.
        """
        look = self.style.looks[material]
        colour = np.array(look.colours[self.rng.integers(len(look.colours))], np.float32)
        colour = (colour + self.rng.normal(0, look.spread, 3)) * shade
        return self._add(class_id, self._hazed(colour, depth), (look.fine, look.coarse))

    def shaded(self, brush: int, shade: float) -> int:
        """Adds the same surface, brighter or darker."""
        return self._add(self.classes[brush], self.colours[brush] * shade, self.textures[brush])

    def polygon(self, points: Sequence[Point], brush: int) -> None:
        self._draw.polygon(points, fill=brush)

    def ellipse(self, centre: Point, radii: Point, brush: int) -> None:
        (x, y), (a, b) = centre, radii
        self._draw.ellipse((x - a, y - b, x + a, y + b), fill=brush)

    def ring(self, centre: Point, radii: Point, width: float, brush: int) -> None:
        (x, y), (a, b) = centre, radii
        self._draw.ellipse((x - a, y - b, x + a, y + b), outline=brush, width=max(1, round(width)))

    def line(self, points: Sequence[Point], width: float, brush: int) -> None:
        self._draw.line(points, fill=brush, width=max(1, round(width)))

    def upright(self, xs: Point, ys: Point, z: float, brush: int) -> None:
        """Paints a rectangle that faces the camera: xs and ys in metres."""
        self.polygon(
            [
                self.camera.project(xs[0], ys[0], z),
                self.camera.project(xs[1], ys[0], z),
                self.camera.project(xs[1], ys[1], z),
                self.camera.project(xs[0], ys[1], z),
            ],
            brush,
        )

    def along(self, x: float, ys: Point, zs: Point, brush: int) -> None:
        """Paints a rectangle parallel to the road: ys and zs in metres."""
        project = self.camera.project
        self.polygon(
            [
                project(x, ys[0], zs[0]),
                project(x, ys[0], zs[1]),
                project(x, ys[1], zs[1]),
                project(x, ys[1], zs[0]),
            ],
            brush,
        )

    def flat(self, xs: Point, y: float, zs: Point, brush: int) -> None:
        """Paints a horizontal rectangle: xs and zs in metres."""
        self.polygon(self._flat_points(xs, y, zs), brush)

    def cast(self, xs: Point, zs: Point) -> None:
        """Casts a shadow on the ground."""
        self._draw_shadow.polygon(self._flat_points(xs, 0, zs), fill=255)

    def _flat_points(self, xs: Point, y: float, zs: Point) -> list[Point]:
        project = self.camera.project
        return [
            project(xs[0], y, zs[0]),
            project(xs[1], y, zs[0]),
            project(xs[1], y, zs[1]),
            project(xs[0], y, zs[1]),
        ]

    def _hazed(self, colour: np.ndarray, depth: float) -> np.ndarray:
        share = 1 - np.exp(-depth / self.style.visibility)
        return colour + share * (np.array(self.style.haze, np.float32) - colour)

    def _add(self, class_id: int, colour: np.ndarray, texture: tuple[float, float]) -> int:
        self.classes.append(class_id)
        self.colours.append(colour)
        self.textures.append(texture)
        return len(self.classes) - 1
