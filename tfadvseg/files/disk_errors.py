"""What was wrong with a disk, in the system's own words. No TensorFlow here."""

import re

_WITHIN_TENSORFLOW = re.compile(r"; ([A-Z][^;\[\]]*?)\s*(\[|$)")
"""TensorFlow writes the path, perhaps of a temporary file, a semicolon and the system's words."""


def disk_reason(error: Exception) -> str:
    """The reason of an error of Python's or TensorFlow's, without a path.

    Args:
        error: raised while a file was written or read.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    first = (str(error) or type(error).__name__).splitlines()[0]
    found = _WITHIN_TENSORFLOW.search(first)
    return found[1] if found else first
