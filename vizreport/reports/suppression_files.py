"""Where suppressions come from: files that the user names, and one that lies in the current directory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vizreport.analysis.suppression_text import parse_suppressions
from vizreport.analysis.suppressions import Suppression
from vizreport.errors import VizzyError

DEFAULT_FILE = ".vizzy.supp"


def read_suppressions(paths: Iterable[str], *, default: bool) -> tuple[Suppression, ...]:
    """Returns the rules of these files, in order.

    Args:
        paths: Files that must be there.
        default: Also those of the file in the current directory, after them, if there is one.

    Raises:
        VizzyError: A file can't be read, or is of neither format.
    """
    rules = [rule for path in paths for rule in _read_file(path)]
    if default and Path(DEFAULT_FILE).exists():
        rules.extend(_read_file(DEFAULT_FILE))
    return tuple(rules)


def _read_file(path: str) -> tuple[Suppression, ...]:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise VizzyError(f"{path}: suppressions can't be read: {error.strerror or error}") from error
    return parse_suppressions(text, path)
