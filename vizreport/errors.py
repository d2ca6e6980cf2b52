"""Errors that a user can do something about. Anything else that is raised is a bug."""


class VizzyError(Exception):
    """What failed, on what, and what to do, in one line."""

    exit_code = 1


class TraceFormatError(VizzyError):
    """Bytes that are no trace, or none that this version reads.

    Attributes:
        offset: Where in the file the fault lies, in bytes.
    """

    def __init__(self, message: str, *, offset: int = 0) -> None:
        """Keeps the offset apart, so that a caller can show or skip it."""
        super().__init__(message)
        self.offset = offset


class ConditionMetError(VizzyError):
    """A condition that the user wanted to fail on is met: which, where and by how much."""

    exit_code = 3


class StreamError(VizzyError):
    """What came over the network is no stream of a trace, or none that may be received."""
