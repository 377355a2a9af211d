"""What a request is refused with: the status codes of TensorFlow Serving, over gRPC and over REST."""

import enum
import re


class Code(enum.IntEnum):
    """Status codes that gRPC and TensorFlow share."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


HTTP_STATUS = {  # what TensorFlow Serving's REST interface answers; anything else is 500
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


class ServingError(Exception):
    """A request that is refused.

    Args:
        code: of the status.
        message: what the client is told.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def error_of_model(error: Exception) -> ServingError:
    """Return what a client is told when the graph of a model fails, from TensorFlow's error."""
    code = getattr(error, "error_code", None)
    message = reason_in(str(getattr(error, "message", error))) or type(error).__name__
    # An error that is none of TensorFlow's has no code.
    return ServingError(Code(code) if code in set(Code) else Code.INTERNAL, message)


def reason_in(text: str) -> str:
    r"""Return the rule, and what was received where it is told, from the text of TensorFlow's error.

    >>> reason_in("Graph execution error:\n\nassertion failed: [seed must not be negative] [Condition x >= 0 did not "
    ...           "hold element-wise:] [x (seed:0) = ] [-3]\n\t [[{{node Assert}}]]")
    'seed must not be negative. Received: -3'
    >>> reason_in("energy_per_area must be finite : Tensor had NaN values")
    'energy_per_area must be finite. Received: NaN values'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if line != "Graph execution error:"] or [""]
    asserted = next((line for line in lines if "assertion failed: [" in line), None)
    if asserted is None:
        return re.sub(r"^(.* must be finite) : Tensor had (.*)$", r"\1. Received: \2", lines[0])
    rule, *more = re.findall(r"\[(.*?)\](?= \[|$)", asserted.partition("assertion failed: ")[2])
    rule = rule.rstrip(". ")
    # of an inequality x is what was received; of an equality it is something that was computed from it
    if len(more) > 2 and re.match(r"Condition x (<|<=|>|>=) ", more[0]):
        return f"{rule}. Received: {more[2]}"
    return rule
