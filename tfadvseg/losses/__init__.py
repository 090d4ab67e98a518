"""Losses as pure functions of tensors, and the discriminator's input."""
