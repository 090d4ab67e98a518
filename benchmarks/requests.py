"""What a request to an export costs: processor time and memory by the size of the image.

    python -m benchmarks.requests EXPORT_VERSION_FOLDER

Calls the signature `encoded`, as TensorFlow Serving would, with one PNG of noise, in a process of
its own for each size. Processor time is the mean of three calls after a first one; memory is the
process's peak less what it held when the export was loaded.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

SIDES = (256, 512, 1024, 2048)


def measure(folder: str, side: int) -> str:
    """A table's row: side, processor seconds, megabytes."""
    import tfadvseg  # noqa: F401  before TensorFlow: it chooses its kernels

    # isort: split
    import numpy as np
    import tensorflow as tf

    loaded = tf.saved_model.load(folder)
    _, inputs = loaded.signatures["serving_default"].structured_input_signature
    noise = np.random.default_rng(0).integers(0, 256, (side, side, inputs["image"].shape[-1]))
    request = tf.io.encode_png(noise.astype(np.uint8))[tf.newaxis]
    before = _peak_megabytes()
    loaded.signatures["encoded"](image_bytes=request)
    start = time.process_time()
    for _ in range(3):
        loaded.signatures["encoded"](image_bytes=request)
    seconds = (time.process_time() - start) / 3
    return f"| {side} x {side} | {seconds:.2f} s | {_peak_megabytes() - before:.0f} MB |"


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    folder, *sides = sys.argv[1:]
    if sides:
        print(measure(folder, int(sides[0])))
        return
    if not Path(folder, "saved_model.pb").exists():
        sys.exit(f"{folder}: not an export's version folder.")
    print("| image | processor time | memory |\n|---|---|---|", flush=True)
    for side in SIDES:
        subprocess.run([sys.executable, "-m", "benchmarks.requests", folder, str(side)], check=True)


if __name__ == "__main__":
    main()
