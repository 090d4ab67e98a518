"""Measurements of `scripts/benchmark.py`. Not installed with the package."""
