"""What a user did, told apart from what went wrong inside: the first is one line, the second keeps its traceback."""


class InputError(ValueError):
    """An option, a file or an array that cannot be what it says; the message has the rule, then what was received."""


class InputWarning(UserWarning):
    """What a user should know and may have meant; the command line shows it as one line, `--strict` refuses it."""


class PartlyDoneError(Exception):
    """Some of the work failed and the rest is kept; the message says what failed and how to go on. Exit code 3."""
