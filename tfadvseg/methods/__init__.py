"""Training methods: one file a method, each a few step functions of (state, batch)."""
