"""Datasets: descriptors, readers, pure preprocessing and augmentation, pipelines."""
