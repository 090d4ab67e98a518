"""The one exception that the scripts turn into a single line without a traceback."""


class UserError(Exception):
    """Something the user can mend: names the file, flag or value at fault, and the mend.

    Raised before long work starts. Scripts print it as one line on standard error and exit with
    status 2; library callers catch it like any exception.
    """
