"""The root of the errors that a user of the sweeper is meant to read."""


class SweeperError(Exception):
    """Something the user can mend; the message says what and how.

    The command line prints the message without a traceback and exits with 2.
    """
