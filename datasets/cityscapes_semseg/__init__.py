"""Cityscapes, for semantic segmentation."""
