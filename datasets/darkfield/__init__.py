"""Kaggle set "Bacteria detection with darkfield microscopy"."""
