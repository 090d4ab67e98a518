"""Building blocks of networks, tuned for the CPU."""
