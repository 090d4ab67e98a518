"""Synthetic electron-microscopy sections."""
