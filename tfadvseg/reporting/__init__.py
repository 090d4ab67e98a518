"""What people look at: figures, TensorBoard summaries, the run report."""
