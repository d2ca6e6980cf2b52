"""What is said of a process image in words.

Names from a trace are not trusted: control characters are escaped.
"""

from __future__ import annotations

import signal

from vizreport.model.trace import Image
from vizreport.names import quote
from vizreport.trace.format import Fate, Origin

# What is said of those that a parent made: after an exec the process is the same one.
_ORIGIN_TEXT = {
    Origin.FORK: "forked by",
    Origin.SPAWN: "spawned by",
}


def describe_process(image: Image, *, running: bool = False) -> str:
    """Returns pid, command, where it came from and how it ended, in one line; running: an end may still come."""
    if not image.known:
        return "unknown: its description is damaged"
    command = describe_command(image)
    origin = f", {_ORIGIN_TEXT[image.origin]} {image.ppid}" if image.origin in _ORIGIN_TEXT else ""
    execs = f", after exec {image.exec_number}" if image.exec_number else ""
    end = "running" if running and image.end is None else describe_end(image)
    return f"{command} (pid {image.pid}{origin}{execs}, {end})"


def describe_command(image: Image) -> str:
    """Returns the command and its arguments, or "unknown"."""
    return " ".join(quote(arg) for arg in image.command) or "unknown"


def shorten_command(command: str, room: int | None) -> str:
    """Returns the command; where it is longer than there is room, without its directory, and cut off."""
    if room is None or len(command) <= room:
        return command
    program, space, arguments = command.partition(" ")
    short = program.rpartition("/")[2] + space + arguments
    return short if len(short) <= room else f"{short[: max(room - 3, 1)]}..."


def shorten_end(image: Image) -> str:
    """Returns how an image ended, in one word."""
    end = image.end
    if end is None or end.fate == Fate.UNKNOWN:
        return "?"
    if end.fate == Fate.SIGNAL:
        return _name_signal(end.fate_value)
    return str(end.fate_value) if end.fate == Fate.EXIT else end.fate.name.lower()


def describe_end(image: Image) -> str:
    """Returns how an image ended, in a few words."""
    end = image.end
    if end is None or end.fate == Fate.UNKNOWN:
        return "end not known"
    if end.fate == Fate.EXIT:
        return f"exited with status {end.fate_value}"
    if end.fate == Fate.SIGNAL:
        return f"killed by {_name_signal(end.fate_value)}"
    return "replaced by exec" if end.fate == Fate.EXEC else "still running when the recording ended"


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
