"""What a user did, told apart from what went wrong inside: the first is one line, the second keeps its traceback."""


class InputError(ValueError):
    """An option, a file or an array that cannot be what it says; the message has the rule, then what was received."""
