"""The exception that commands report in one line, without a traceback."""


class UserError(Exception):
    """A mistake that the user can correct: names the file, flag or value, and the correction.

    Raised before long work starts. Commands print it in one line on standard error and exit with
    status 2; from Python it is caught like any exception.
    """


def of_target(error: UserError) -> UserError:
    """The same error about the target domain, whose flags are the source's with a prefix."""
    return UserError(f"target domain, whose flags begin with --target_: {error}")


def of_unlabelled(error: UserError) -> UserError:
    """The same error about images without labels of another dataset."""
    return UserError(f"images without labels, whose flags begin with --unlabelled_: {error}")


def of_masks(error: UserError, flag: str) -> UserError:
    """The same, said of the part of the dataset that `flag` takes masks from."""
    return UserError(f"{flag}: of masks of other images: {error}")


AFTER_DIVERGENCE = (
    "What was saved before is intact. Begin again in another --output_dir with a lower learning "
    "rate, or with --precision=float32."
)
"""Advice for weights or losses that are not finite."""
