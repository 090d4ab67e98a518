"""Losses as pure functions of tensors, and what a discriminator is shown."""
