"""State, checkpoints, optimizers, distribution and the outer loop."""
