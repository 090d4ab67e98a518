"""Classes of sections of nervous tissue. No TensorFlow here."""

CLASS_NAMES = ("membrane", "cell")
"""Class names by class id."""

PALETTE = ((0, 0, 0), (255, 255, 255))
"""(red, green, blue) per class, 0-255, as in the challenge's label files."""

MEMBRANE, CELL = range(len(CLASS_NAMES))
