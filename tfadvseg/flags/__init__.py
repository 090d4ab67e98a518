"""Command-line flags and flagfiles, to and from `Config`."""
