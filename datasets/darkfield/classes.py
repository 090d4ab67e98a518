"""Classes of blood under a darkfield microscope. No TensorFlow here."""

CLASS_NAMES = ("background", "red_blood_cell", "spirochaete")
"""Class names by class id, which is also the value in the masks."""

PALETTE = ((0, 0, 0), (214, 39, 40), (23, 190, 207))
"""(red, green, blue) per class, 0-255."""

BACKGROUND, RED_BLOOD_CELL, SPIROCHAETE = range(len(CLASS_NAMES))
