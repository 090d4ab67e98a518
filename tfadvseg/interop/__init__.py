"""Weights of published PyTorch networks: reading, checking, and writing them."""
