"""Synthetic street scenes in two domains."""
