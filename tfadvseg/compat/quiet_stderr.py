"""C++ libraries without their chatter, which no level of Python's logs silences."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stderr(is_noise: Callable[[bytes], object] = lambda line: True) -> Iterator[None]:
    """Holds back standard error; then shows the lines that are no noise, or all if the block fails.

    Args:
        is_noise: whether a line may be dropped; by default all may.
    """
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            held.seek(0)
            for line in held:
                if failed or not is_noise(line):
                    os.write(2, line)
