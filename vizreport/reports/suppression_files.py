"""Where suppressions come from: files that the user names, one that lies in the current directory, and executables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from vizreport.analysis.suppression_text import parse_suppressions
from vizreport.analysis.suppressions import Suppression, Suppressions
from vizreport.errors import VizzyError
from vizreport.symbols.embedded_suppressions import SECTION, read_embedded
from vizreport.symbols.options import SymbolOptions
from vizreport.trace.reader import Trace

DEFAULT_FILE = ".vizzy.supp"


def read_suppressions(
    trace: Trace, paths: Iterable[str], options: SymbolOptions, *, default: bool = True
) -> Suppressions:
    """Returns all rules, in order: of the files named, of the current directory's, of the recorded executables.

    Args:
        trace: Whose executables.
        paths: Of files that must be there.
        options: Where executables lie now.
        default: Also rules that nobody names.

    Raises:
        VizzyError: A file can't be read, or is of neither format.
    """
    rules = [rule for path in paths for rule in _read_file(path)]
    if default and Path(DEFAULT_FILE).exists():
        rules.extend(_read_file(DEFAULT_FILE))
    for path, text in _read_executables(trace, options) if default else ():
        rules.extend(parse_suppressions(text, f"{path}[{SECTION}]"))
    return Suppressions(rules)


def _read_executables(trace: Trace, options: SymbolOptions) -> Iterator[tuple[str, str]]:
    """Yields paths and texts of the executables that carry suppressions, each once."""
    done: set[tuple[str, bytes]] = set()
    for image in trace.images:
        for module in image.modules:
            key = (module.path, module.build_id)
            if module.path != image.exe or key in done:
                continue
            done.add(key)
            text = read_embedded(module, options, is_command=module.path == trace.images[0].exe)
            if text:
                yield module.path, text


def _read_file(path: str) -> tuple[Suppression, ...]:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise VizzyError(f"{path}: suppressions can't be read: {error.strerror or error}") from error
    return parse_suppressions(text, path)
