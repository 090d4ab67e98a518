"""Ground, sky and roadside: buildings, walls, fences and vegetation."""

import math

from .canvas import Canvas
from .classes import BUILDING, FENCE, ROAD, SIDEWALK, SKY, TERRAIN, VEGETATION, WALL
from .styles import Material

NEAR, FAR = 1.2, 110.0
"""Range of distances from the camera in which objects are drawn, in metres."""


def paint_ground(canvas: Canvas, road: float, sidewalks: tuple[float, float]) -> None:
    """Paints sky, terrain, sidewalks, road and its markings.

    Args:
        canvas: an empty canvas.
        road: half the width of the road, in metres.
        sidewalks: widths on the left and right, in metres.
    """
    rng = canvas.rng
    width, height = canvas.index.size
    sky = canvas.brush(SKY, Material.SKY)
    canvas.polygon([(0, 0), (width, 0), (width, height), (0, height)], sky)
    # Level ground ends below the vanishing point, because FAR is finite.
    far = canvas.camera.project(0, 0, 1000)[1]
    for left, right in ((-2, canvas.camera.centre[0]), (canvas.camera.centre[0], width + 2)):
        ground = canvas.brush(TERRAIN, Material.GRASS)
        canvas.polygon([(left, far), (right, far), (right, height), (left, height)], ground)
    for side, reach in ((-1, sidewalks[0]), (1, sidewalks[1])):
        walk = canvas.brush(SIDEWALK, Material.SIDEWALK)
        canvas.flat((side * road, side * (road + reach)), 0, (NEAR / 2, 1000), walk)
        kerb = canvas.brush(SIDEWALK, Material.KERB)
        canvas.flat((side * road, side * (road + 0.2)), 0, (NEAR / 2, 60), kerb)
    asphalt = canvas.brush(ROAD, Material.ROAD)
    canvas.flat((-road, road), 0, (NEAR / 2, 1000), asphalt)
    for _ in range(rng.integers(0, 3)):  # patches of other asphalt
        z, x = rng.uniform(4, 30), rng.uniform(-road, road - 2)
        patch = canvas.shaded(asphalt, rng.uniform(0.85, 1.1))
        canvas.flat((x, min(x + rng.uniform(1, 3), road)), 0, (z, z * 1.4), patch)
    paint = canvas.brush(ROAD, Material.MARKING)
    if rng.random() < 0.75:
        phase = rng.uniform(0, 6)
        for number in range(12):
            z = NEAR + phase + 6 * number
            canvas.flat((-0.08, 0.08), 0, (z, z + 3), paint)
    if rng.random() < 0.4:
        for side in (-1, 1):
            edge = side * (road - 0.5)
            canvas.flat((edge - 0.07, edge + 0.07), 0, (NEAR, 200), paint)
    if rng.random() < 0.15:
        z = rng.uniform(9, 22)
        for number in range(math.floor(road / 0.5)):
            x = -road + 0.25 + number
            canvas.flat((x, x + 0.5), 0, (z, z + 3), paint)


def paint_backdrop(canvas: Canvas) -> None:
    """Paints the far end of the street: roofs and treetops."""
    rng = canvas.rng
    x = -220.0
    while x < 220:
        length = rng.uniform(10, 40)
        if rng.random() < 0.5:
            brush = canvas.brush(BUILDING, Material.FACADE, 0.85, FAR)
            canvas.upright((x, x + length), (0, rng.uniform(6, 22)), FAR, brush)
        else:
            foliage(canvas, (x + length / 2, 4.0, FAR), (length / 2, rng.uniform(3, 7)), 5)
        x += 0.8 * length


def paint_side(canvas: Canvas, side: int, line: float, urban: float) -> None:
    """Paints one side of the road behind its sidewalk, from far to near.

    Args:
        canvas: a canvas with the ground painted.
        side: -1 (left) or 1.
        line: distance of facades from the middle of the road, in metres.
        urban: share of buildings, 0 to 1.
    """
    rng = canvas.rng
    segments = []
    z = NEAR - rng.uniform(0, 10)
    while z < FAR:
        length = rng.uniform(8, 22)
        segments.append((z, min(z + length, FAR)))
        z += length * (1 if rng.random() < 0.8 else 1.3)  # some gaps
    for start, end in reversed(segments):
        zs = (max(start, NEAR), end)
        if zs[1] <= zs[0]:
            continue
        if rng.random() < urban:
            back = line + (rng.uniform(0, 4) if rng.random() < 0.2 else 0)
            _building(canvas, side, back, zs)
        elif rng.random() < 0.9:
            _garden(canvas, side, line, zs)


def _building(canvas: Canvas, side: int, line: float, zs: tuple[float, float]) -> None:
    rng = canvas.rng
    height = rng.uniform(6, 20)
    front = canvas.brush(BUILDING, Material.FACADE, 1.0, zs[0])
    facade = canvas.shaded(front, 0.82 if side < 0 else 0.95)
    canvas.upright((side * line, side * (line + 14)), (0, height), zs[0], front)
    canvas.along(side * line, (0, height), zs, facade)
    if rng.random() < 0.6:
        canvas.along(side * line, (0, 3.2), zs, canvas.shaded(facade, rng.uniform(0.7, 1.15)))
    if zs[0] > 45:
        return
    glass = canvas.brush(BUILDING, Material.WINDOW, 1.0, zs[0])
    lit = canvas.shaded(glass, 1.25)
    pitch, floor = rng.uniform(2.2, 4), rng.uniform(2.8, 3.6)
    high = rng.uniform(1.3, 2.0)
    columns = max(1, int((zs[1] - zs[0]) / pitch))
    for storey in range(max(1, int(height / floor - 0.2))):
        y = 1.0 + storey * floor
        for column in range(columns):
            z = zs[0] + (column + 0.3) * pitch
            brush = lit if rng.random() < 0.3 else glass
            canvas.along(side * line, (y, y + high), (z, z + 0.45 * pitch), brush)
        if zs[0] > NEAR:
            for column in range(4):
                x = line + 0.8 + 3.2 * column
                canvas.upright((side * x, side * (x + 1.3)), (y, y + high), zs[0], glass)


def _garden(canvas: Canvas, side: int, line: float, zs: tuple[float, float]) -> None:
    """Trees or a hedge, often behind a wall or fence."""
    rng = canvas.rng
    for z in sorted(rng.uniform(zs[0], zs[1], 3), reverse=True):
        size = rng.uniform(1.5, 4)
        x = side * (line + rng.uniform(1.5, 8) + size)
        foliage(canvas, (x, rng.uniform(1, 4), max(z, 5)), (size, rng.uniform(1.5, 4)), 7)
    choice = rng.random()
    if choice < 0.36:
        _barrier(canvas, side, line, zs, WALL, Material.WALL, rng.uniform(1.2, 3))
    elif choice < 0.72:
        _barrier(canvas, side, line, zs, FENCE, Material.FENCE, rng.uniform(1.0, 2))
    elif choice < 0.88:
        hedge = canvas.brush(VEGETATION, Material.FOLIAGE, 1.0, zs[0])
        high = rng.uniform(0.8, 2)
        canvas.upright((side * line, side * (line + 1)), (0, high), zs[0], hedge)
        canvas.along(side * line, (0, high), zs, canvas.shaded(hedge, 0.85))


def _barrier(
    canvas: Canvas,
    side: int,
    line: float,
    zs: tuple[float, float],
    class_id: int,
    material: Material,
    height: float,
) -> None:
    brush = canvas.brush(class_id, material, 0.95, zs[0])
    dark = canvas.shaded(brush, 0.75)
    canvas.along(side * line, (0, height), zs, brush)
    if class_id == FENCE:
        step = 0.6
        for number in range(min(40, int((zs[1] - zs[0]) / step))):
            z = zs[0] + number * step
            canvas.along(side * line, (0, height), (z, z + 0.22), dark)
    else:
        canvas.along(side * line, (height - 0.2, height), zs, canvas.shaded(brush, 1.15))


def foliage(
    canvas: Canvas,
    centre: tuple[float, float, float],
    size: tuple[float, float],
    blobs: int,
) -> None:
    """Paints leaves: overlapping ellipses, darker below.

    Args:
        canvas: the canvas to paint on.
        centre: in metres.
        size: half width and half height, in metres.
        blobs: number of ellipses.
    """
    rng = canvas.rng
    x, y, z = centre
    brush = canvas.brush(VEGETATION, Material.FOLIAGE, 1.0, z)
    tones = (canvas.shaded(brush, 0.78), brush, canvas.shaded(brush, 1.15))
    scale = canvas.camera.focal / z
    for number in range(blobs):
        dx, dy = rng.uniform(-0.6, 0.6), rng.uniform(-0.55, 0.55)
        at = canvas.camera.project(x + dx * size[0], max(y + dy * size[1], 0.3), z)
        radius = rng.uniform(0.45, 0.7)
        tone = tones[0 if dy < -0.2 else 2 if dy > 0.25 and number % 2 else 1]
        canvas.ellipse(at, (radius * size[0] * scale, radius * size[1] * scale), tone)
