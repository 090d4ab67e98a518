"""What this machine's processor can do, as far as Linux tells. Imports no TensorFlow."""

import functools
import os
from pathlib import Path


def cpu_multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products in bfloat16, and TensorFlow uses them."""
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return False
    return not _features().isdisjoint({"avx512_bf16", "amx_bf16"})


def cpu_lacks_avx512() -> bool:
    """Whether it is an x86 processor with AVX2, but without AVX-512."""
    return "avx2" in _features() and "avx512f" not in _features()


@functools.cache
def _features() -> frozenset[str]:
    """Linux's names of the processor's features, among other words."""
    try:
        return frozenset(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return frozenset()
