"""Conditions on the figures of a summary, as a test in CI states them: ``leaked>0``, ``peak>100M``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vizreport.reports.process_text import describe_command
from vizreport.reports.summary import ImageSummary
from vizreport.units import format_bytes, format_count

# Each figure, and whether it counts bytes.
FIGURES: dict[str, tuple[Callable[[ImageSummary], int], bool]] = {
    "leaked": (lambda summary: summary.leaked_bytes, True),
    "leaked_blocks": (lambda summary: summary.leaked_blocks, False),
    "in_use": (lambda summary: summary.totals.live_bytes, True),
    "in_use_blocks": (lambda summary: summary.totals.live_blocks, False),
    "peak": (lambda summary: summary.peak.bytes, True),
    "peak_blocks": (lambda summary: summary.peak.blocks, False),
    "allocs": (lambda summary: summary.totals.allocs, False),
    "frees": (lambda summary: summary.totals.frees, False),
    "allocated": (lambda summary: summary.totals.bytes_allocated, True),
    "temporary": (lambda summary: summary.totals.n_temporary, False),
    "anomalies": (lambda summary: summary.n_anomalies, False),
}

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_CONDITION = re.compile(
    rf"\s*(?P<figure>\w+)\s*(?P<operator>{'|'.join(_OPERATORS)})\s*"
    r"(?P<number>\d+(?:\.\d+)?(?:[eE]\d{1,2})?)\s*(?P<unit>[KMGT]?)(?:i?B)?\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison.

    Attributes:
        text: As it was given.
        figure: A key of FIGURES.
        compare: Of the figure with the limit.
        limit: In bytes, or a count.
    """

    text: str
    figure: str
    compare: Callable[[float, float], bool]
    limit: float

    def is_met(self, summary: ImageSummary) -> bool:
        """Tells whether it holds for a process image."""
        return self.compare(FIGURES[self.figure][0](summary), self.limit)


def parse_condition(text: str) -> Condition:
    """Returns the condition that a text like ``peak>100M`` states.

    Raises:
        ValueError: It states none; says what would.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no condition: write FIGURE, one of {' '.join(_OPERATORS)}, and a number, which may have "
            "a unit of K, M, G or T (1024 each) or an exponent, as in leaked>0, peak>100M, allocs>1e6"
        )
    figure = match["figure"].lower()
    if figure not in FIGURES:
        raise ValueError(f"{text!r}: there is no figure {figure!r}; there are {', '.join(FIGURES)}")
    limit = float(match["number"]) * _FACTORS[match["unit"].upper()]
    return Condition(text, figure, _OPERATORS[match["operator"]], limit)


def find_met(conditions: Iterable[Condition], summaries: Iterable[ImageSummary]) -> Iterator[str]:
    """Yields for each condition that a recorded process image meets, which one, the first, and by what figure."""
    recorded = [summary for summary in summaries if summary.not_recorded is None]
    for condition in conditions:
        for summary in recorded:
            if condition.is_met(summary):
                yield f"{condition.text}: {_describe_figure(condition.figure, summary)}"
                break


def _describe_figure(name: str, summary: ImageSummary) -> str:
    """Returns the figure and whose it is, in words."""
    find, is_bytes = FIGURES[name]
    value = find(summary)
    unit = " bytes" if is_bytes else ""
    size = f" ({format_bytes(value)})" if is_bytes and value >= 1024 else ""
    lost = summary.uncertain.events
    doubt = f", which is uncertain: {format_count(lost, 'event')} dropped" if lost else ""
    return f"{name} is {value}{unit}{size} in {describe_command(summary.image)} (pid {summary.image.pid}){doubt}"
