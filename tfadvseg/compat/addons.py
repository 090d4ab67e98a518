"""TensorFlow Addons and KerasCV without what their imports print.

Addons announces the end of its development; the last release is pinned in `constraints.txt` and
works with the TensorFlow version pinned beside it. KerasCV names its backend, and takes seconds to
import: it is imported when it is needed.
"""

import contextlib
import io
import warnings
from types import ModuleType

from tfadvseg.compat.legacy_keras import keras_answered_by_tf_keras

with warnings.catch_warnings(), keras_answered_by_tf_keras():
    warnings.simplefilter("ignore", UserWarning)
    import tensorflow_addons as tfa

__all__ = ["import_keras_cv", "tfa"]


def import_keras_cv() -> ModuleType:
    """KerasCV."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        import keras_cv
    return keras_cv
