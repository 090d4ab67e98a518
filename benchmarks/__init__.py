"""What `scripts/benchmark.py` measures, and how. Not installed with the package."""
