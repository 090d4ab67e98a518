"""Measurements of `scripts/benchmark.py`. Not installed with the package."""

import tfadvseg  # noqa: F401  before TensorFlow, as in the scripts: it chooses its kernels and Keras
