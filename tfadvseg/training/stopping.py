"""The end of a run that the same command continues."""


class Stopped(Exception):
    """A signal, or the absence of a worker, ended the run; what was saved is intact."""
