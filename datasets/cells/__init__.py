"""Synthetic darkfield images of blood with spirochaetes."""
