"""The one exception that the scripts turn into a single line without a traceback."""


class UserError(Exception):
    """Something the user can mend: names the file, flag or value at fault, and the mend.

    Raised before long work starts. Scripts print it as one line on standard error and exit with
    status 2; library callers catch it like any exception.
    """


def of_target(error: UserError) -> UserError:
    """The same, said of the target domain: its configuration is of the source's class and flags."""
    return UserError(f"target domain, whose flags begin with --target_: {error}")


def of_unlabelled(error: UserError) -> UserError:
    """The same, said of images without labels that come from elsewhere."""
    return UserError(f"images without labels, whose flags begin with --unlabelled_: {error}")


AFTER_DIVERGENCE = (
    "What was saved before is intact. Begin again in another --output_dir with a lower learning "
    "rate, or with --precision=float32."
)
"""What to do about weights or losses that are not finite."""
