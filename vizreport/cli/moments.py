"""Moments as users write them: 1.5, 1.5s, 350ms, start, peak, end."""

from __future__ import annotations

import re

import click

_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_TIME = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|ms|us|ns)?")
_LATEST_NS = 2.0**62  # 146 years: what is later is after the end of any trace
_NAMES = ("start", "peak", "end")


class MomentType(click.ParamType):  # type: ignore[type-arg]
    """Turns a time since start into ns; names stay as they are."""

    name = "moment"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        """Returns ns since start, or one of the names."""
        if isinstance(value, int) or value in _NAMES:
            return value
        found = _TIME.fullmatch(value.strip())
        if found is None:
            self.fail(f"{value!r} is no time: try 1.5, 1.5s, 350ms, start, peak or end", param, ctx)
        return round(min(float(found[1]) * _UNITS[found[2] or "s"], _LATEST_NS))
