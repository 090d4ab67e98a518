"""Training methods: one file per method, each a few step functions and its `Method`."""
