"""TensorFlow Addons without the banner that its import prints.

The banner announces the end of its development; the last release is pinned in `constraints.txt`
and works with the TensorFlow version pinned beside it.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    import tensorflow_addons as tfa

__all__ = ["tfa"]
