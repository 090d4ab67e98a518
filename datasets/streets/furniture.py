"""Objects on sidewalks: poles, traffic lights and signs, trees, bins."""

import math

from .canvas import Canvas
from .classes import POLE, TRAFFIC_LIGHT, TRAFFIC_SIGN, VEGETATION, VOID
from .roadside import foliage
from .styles import Material


def _mast(canvas: Canvas, x: float, z: float, height: float, thickness: float = 0.14) -> None:
    brush = canvas.brush(POLE, Material.METAL, 1.0, z)
    scale = canvas.camera.focal / z
    ends = [canvas.camera.project(x, y, z) for y in (0, height)]
    canvas.line(ends, thickness * scale, brush)
    canvas.cast((x - 0.1, x + 0.1), (z, z + 0.3))


def street_lamp(canvas: Canvas, x: float, z: float) -> None:
    """A tall pole with an arm over the road."""
    height = canvas.rng.uniform(5, 8)
    _mast(canvas, x, z, height, 0.18)
    arm = canvas.brush(POLE, Material.METAL, 1.0, z)
    inward = -math.copysign(1.4, x)
    ends = [canvas.camera.project(x + dx, height, z) for dx in (0, inward)]
    canvas.line(ends, 0.12 * canvas.camera.focal / z, arm)


def traffic_light(canvas: Canvas, x: float, z: float) -> None:
    """A housing with three lamps on a pole."""
    height = canvas.rng.uniform(2.6, 3.6)
    _mast(canvas, x, z, height)
    housing = canvas.brush(TRAFFIC_LIGHT, Material.HOUSING, 1.0, z / 2)
    canvas.upright((x - 0.22, x + 0.22), (height - 0.5, height + 0.65), z, housing)
    lit = canvas.rng.integers(3)
    lamp = canvas.brush(TRAFFIC_LIGHT, Material.LAMP, 1.0)
    off = canvas.shaded(lamp, 0.35)
    radius = 0.15 * canvas.camera.focal / z
    for number in range(3):
        at = canvas.camera.project(x, height + 0.42 - 0.35 * number, z)
        canvas.ellipse(at, (radius, radius), lamp if number == lit else off)


def traffic_sign(canvas: Canvas, x: float, z: float) -> None:
    """A disc, triangle or rectangle on a pole."""
    rng = canvas.rng
    height = rng.uniform(2.0, 3.0)
    _mast(canvas, x, z, height, 0.1)
    rim = canvas.brush(TRAFFIC_SIGN, Material.SIGN, 1.0, z / 2)
    face = canvas.brush(TRAFFIC_SIGN, Material.SIGN_FACE, 1.0, z / 2)
    scale = canvas.camera.focal / z
    at = canvas.camera.project(x, height, z)
    radius = rng.uniform(0.38, 0.5) * scale
    match rng.integers(3):
        case 0:
            canvas.ellipse(at, (radius, radius), rim)
            canvas.ellipse(at, (0.6 * radius, 0.6 * radius), face)
        case 1:
            for brush, reach in ((rim, radius * 1.15), (face, radius * 0.6)):
                corners = [(at[0] + reach * s, at[1] + 0.7 * reach * d) for s, d in _TRIANGLE]
                canvas.polygon(corners, brush)
        case _:
            wide = rng.uniform(0.9, 2.0) * radius
            box = [(at[0] + s * wide, at[1] + d * radius) for s, d in _SQUARE]
            canvas.polygon(box, rim)
            canvas.line([(at[0] - 0.6 * wide, at[1]), (at[0] + 0.6 * wide, at[1])], 1, face)


_TRIANGLE = ((-1, 0.7), (1, 0.7), (0, -1))
_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def tree(canvas: Canvas, x: float, z: float) -> None:
    """A trunk and its crown, both labelled vegetation."""
    rng = canvas.rng
    trunk, crown = rng.uniform(1.8, 3.2), rng.uniform(1.3, 2.6)
    bark = canvas.brush(VEGETATION, Material.TRUNK, 1.0, z)
    ends = [canvas.camera.project(x, y, z) for y in (0, trunk + 0.5 * crown)]
    canvas.line(ends, rng.uniform(0.2, 0.4) * canvas.camera.focal / z, bark)
    canvas.cast((x - crown / 2, x + crown / 2), (z, z + crown))
    foliage(canvas, (x, trunk + crown, z), (crown, crown * rng.uniform(0.9, 1.3)), 9)


def clutter(canvas: Canvas, x: float, z: float) -> None:
    """A bin or box, labelled void as in Cityscapes."""
    brush = canvas.brush(VOID, Material.CLUTTER, 1.0, z)
    wide, high = canvas.rng.uniform(0.5, 1.2), canvas.rng.uniform(0.7, 1.3)
    canvas.cast((x - 0.1, x + wide + 0.1), (z, z + wide))
    canvas.along(x if x > 0 else x + wide, (0, high), (z, z + wide), canvas.shaded(brush, 0.7))
    canvas.upright((x, x + wide), (0, high), z, brush)
