import os
import subprocess
import sys

PROGRAM = """
import numpy as np
from tfadvseg.training.memory import peak_memory_bytes
before = peak_memory_bytes()
array = np.ones(400_000_000, np.uint8)
held = peak_memory_bytes()
del array
print(before, held, peak_memory_bytes())
"""


def test_the_peak_rises_with_what_is_held_and_stays_when_it_is_freed():
    """In a new process, started by a small one, so that memory use starts low."""
    result = subprocess.run(
        ["sh", "-c", '"$0" -c "$1"; exit', sys.executable, PROGRAM],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    before, held, after = map(int, result.stdout.split())
    assert 200e6 < held - before < 410e6
    assert after >= held
