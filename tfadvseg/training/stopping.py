"""The end of a run that the same command continues."""

EXIT_STOPPED = 75
"""Status of a process that ends so: "temporary failure; try again", to job schedulers."""


class Stopped(Exception):
    """A signal, or the absence of a worker, ended the run; what was saved is intact."""
