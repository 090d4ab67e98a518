"""A whole run from its configuration to its summary, and what is done with finished runs."""
