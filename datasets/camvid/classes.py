"""The classes of CamVid. No TensorFlow here."""

CLASS_NAMES = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign_symbol",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
"""Class names by class id, which is also the value in the label files."""

PALETTE = (
    (128, 128, 128),
    (128, 0, 0),
    (192, 192, 128),
    (128, 64, 128),
    (0, 0, 192),
    (128, 128, 0),
    (192, 128, 128),
    (64, 64, 128),
    (64, 0, 128),
    (64, 64, 0),
    (0, 128, 192),
)
"""Their colours in CamVid's own label_colors.txt: (red, green, blue), 0-255."""

VOID = len(CLASS_NAMES)
"""The value of pixels that belong to none of the classes."""

NAMES_WITH_VOID = (*CLASS_NAMES, "void")
PALETTE_WITH_VOID = (*PALETTE, (0, 0, 0))
