"""The two domains: the composition of a street and the colours of its objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

Colour = tuple[int, int, int]
Range = tuple[float, float]


class Material(Enum):
    """Material of a surface; the style defines its look."""

    SKY = auto()
    ROAD = auto()
    MARKING = auto()
    SIDEWALK = auto()
    KERB = auto()
    GRASS = auto()
    FACADE = auto()
    WINDOW = auto()
    WALL = auto()
    FENCE = auto()
    METAL = auto()
    HOUSING = auto()
    LAMP = auto()
    SIGN = auto()
    SIGN_FACE = auto()
    FOLIAGE = auto()
    TRUNK = auto()
    SKIN = auto()
    CLOTH = auto()
    TROUSERS = auto()
    CAR = auto()
    TRUCK = auto()
    TARPAULIN = auto()
    BUS = auto()
    TRAIN = auto()
    CYCLE = auto()
    GLASS = auto()
    TYRE = auto()
    TAIL_LIGHT = auto()
    BONNET = auto()
    CLUTTER = auto()


@dataclass(frozen=True)
class Look:
    """Look of a material.

    Attributes:
        colours: RGB, 0-255; each surface gets one of them.
        spread: standard deviation of the noise added to it per surface and channel.
        fine, coarse: standard deviation of texture over about 1 and 6 pixels, in grey levels.
    """

    colours: tuple[Colour, ...]
    spread: float = 5
    fine: float = 0
    coarse: float = 0


@dataclass(frozen=True)
class Style:
    """Style of a domain.

    Attributes:
        looks: one for each material.
        haze: RGB that far surfaces fade into; visibility: in metres.
        zenith: RGB that the sky changes to upwards.
        focal: range of the focal length, in image widths.
        horizon: range of the vanishing point's row, in image heights.
        camera_height, road: ranges of the camera's height and half the road's width, in metres.
        urban: range of the share of buildings along the road, 0 to 1.
        parked, pedestrians, trees: ranges of the density of objects, 0 to 1.
        bonnet: whether the bonnet of the camera's own car is visible (labelled void).
        photographic: with light, blur, noise and colour cast of a camera; else clean flat shading.
    """

    looks: Mapping[Material, Look]
    haze: Colour
    visibility: float
    zenith: Colour
    focal: Range
    horizon: Range
    camera_height: Range
    road: Range
    urban: Range
    parked: Range
    pedestrians: Range
    trees: Range
    bonnet: bool
    photographic: bool


GAME = Style(
    looks={
        Material.SKY: Look(((150, 205, 255),), 4),
        Material.ROAD: Look(((78, 80, 96), (90, 90, 104)), 3),
        Material.MARKING: Look(((250, 245, 190), (250, 210, 40)), 3),
        Material.SIDEWALK: Look(((205, 180, 165), (190, 170, 175)), 4),
        Material.KERB: Look(((235, 225, 215),), 3),
        Material.GRASS: Look(((120, 200, 60), (190, 190, 80)), 8),
        Material.FACADE: Look(
            ((225, 150, 90), (205, 90, 80), (120, 150, 205), (235, 215, 150), (160, 130, 190)), 12
        ),
        Material.WINDOW: Look(((60, 95, 150), (90, 150, 200)), 8),
        Material.WALL: Look(((170, 120, 200), (190, 130, 150)), 6),
        Material.FENCE: Look(((150, 90, 40), (170, 110, 60)), 6),
        Material.METAL: Look(((110, 120, 130),), 5),
        Material.HOUSING: Look(((35, 35, 20),), 4),
        Material.LAMP: Look(((255, 40, 30), (60, 255, 90), (255, 190, 0)), 3),
        Material.SIGN: Look(((230, 20, 30), (20, 60, 220), (250, 200, 0)), 5),
        Material.SIGN_FACE: Look(((250, 250, 250),), 3),
        Material.FOLIAGE: Look(((40, 150, 40), (70, 175, 40), (30, 125, 55)), 8),
        Material.TRUNK: Look(((120, 75, 35),), 6),
        Material.SKIN: Look(((240, 190, 150), (150, 100, 70)), 6),
        Material.CLOTH: Look(((230, 60, 160), (250, 230, 60), (60, 220, 220), (240, 110, 40)), 12),
        Material.TROUSERS: Look(((50, 60, 150), (80, 50, 110)), 8),
        Material.CAR: Look(
            ((215, 25, 30), (25, 60, 220), (245, 205, 30), (240, 240, 245), (30, 170, 110)), 10
        ),
        Material.TRUCK: Look(((235, 120, 20), (60, 190, 220)), 8),
        Material.TARPAULIN: Look(((240, 235, 225), (245, 160, 60)), 8),
        Material.BUS: Look(((250, 190, 20), (30, 160, 90)), 8),
        Material.TRAIN: Look(((200, 30, 90), (40, 190, 180)), 8),
        Material.CYCLE: Look(((210, 30, 60), (40, 40, 190)), 10),
        Material.GLASS: Look(((40, 60, 95),), 5),
        Material.TYRE: Look(((20, 20, 25),), 3),
        Material.TAIL_LIGHT: Look(((255, 30, 30),), 3),
        Material.BONNET: Look(((60, 60, 70),), 3),
        Material.CLUTTER: Look(((60, 110, 80), (200, 80, 20)), 10),
    },
    haze=(190, 215, 245),
    visibility=400,
    zenith=(60, 130, 235),
    focal=(0.62, 0.8),
    horizon=(0.38, 0.46),
    camera_height=(1.5, 2.3),
    road=(4.5, 7.0),
    urban=(0.2, 0.9),
    parked=(0.05, 0.4),
    pedestrians=(0.1, 0.6),
    trees=(0.2, 0.7),
    bonnet=False,
    photographic=False,
)

CAMERA = Style(
    looks={
        Material.SKY: Look(((166, 204, 242), (170, 206, 238)), 6, 0.5, 2),
        Material.ROAD: Look(((95, 94, 101), (90, 90, 98)), 4, 3, 3),
        Material.MARKING: Look(((220, 216, 185),), 8, 6, 6),
        Material.SIDEWALK: Look(((177, 160, 158), (170, 157, 158)), 5, 5, 4),
        Material.KERB: Look(((198, 190, 182),), 6, 6, 3),
        Material.GRASS: Look(((118, 171, 65), (129, 168, 70)), 7, 7, 6),
        Material.FACADE: Look(
            ((202, 147, 101), (178, 97, 86), (146, 136, 177), (212, 194, 146), (151, 130, 169)),
            9,
            4,
            5,
        ),
        Material.WINDOW: Look(((60, 84, 121), (74, 104, 142)), 9, 4, 6),
        Material.WALL: Look(((162, 122, 144), (167, 124, 134)), 7, 6, 6),
        Material.FENCE: Look(((133, 88, 50), (137, 94, 58)), 7, 7, 4),
        Material.METAL: Look(((101, 106, 110), (116, 121, 125)), 8, 4, 3),
        Material.HOUSING: Look(((34, 36, 28),), 5, 3, 2),
        Material.LAMP: Look(((238, 65, 50), (85, 228, 120), (238, 185, 45)), 8, 2, 2),
        Material.SIGN: Look(((210, 32, 38), (32, 65, 190), (230, 188, 30)), 9, 3, 3),
        Material.SIGN_FACE: Look(((228, 227, 224),), 6, 3, 3),
        Material.FOLIAGE: Look(((49, 112, 52), (57, 118, 54), (43, 106, 52)), 7, 9, 8),
        Material.TRUNK: Look(((97, 70, 46),), 6, 8, 4),
        Material.SKIN: Look(((163, 121, 97), (129, 91, 69)), 8, 3, 3),
        Material.CLOTH: Look(
            ((179, 60, 129), (195, 124, 55), (61, 170, 172), (191, 97, 48)), 12, 4, 4
        ),
        Material.TROUSERS: Look(((65, 51, 85), (75, 57, 84)), 7, 5, 4),
        Material.CAR: Look(
            ((176, 34, 38), (38, 66, 180), (204, 204, 206), (44, 115, 88), (47, 139, 101)), 10, 3, 5
        ),
        Material.TRUCK: Look(((206, 118, 42), (74, 165, 189)), 9, 3, 5),
        Material.TARPAULIN: Look(((211, 206, 196), (172, 134, 94)), 9, 4, 8),
        Material.BUS: Look(((224, 174, 40), (47, 141, 88)), 9, 3, 5),
        Material.TRAIN: Look(((180, 41, 87), (59, 164, 155)), 9, 3, 5),
        Material.CYCLE: Look(((46, 46, 123), (151, 43, 57)), 9, 5, 3),
        Material.GLASS: Look(((47, 59, 78), (59, 71, 90)), 7, 4, 8),
        Material.TYRE: Look(((28, 28, 30),), 4, 4, 2),
        Material.TAIL_LIGHT: Look(((202, 40, 38),), 8, 3, 2),
        Material.BONNET: Look(((53, 54, 61),), 6, 2, 5),
        Material.CLUTTER: Look(((72, 99, 82), (86, 100, 77)), 12, 6, 5),
    },
    haze=(192, 208, 228),
    visibility=170,
    zenith=(94, 148, 226),
    focal=(0.7, 0.9),
    horizon=(0.4, 0.49),
    camera_height=(1.4, 2.0),
    road=(4.2, 6.7),
    urban=(0.25, 0.92),
    parked=(0.1, 0.48),
    pedestrians=(0.15, 0.75),
    trees=(0.2, 0.75),
    bonnet=True,
    photographic=True,
)
