"""Counts as pages write them: with separators, so that large ones can be read."""

from __future__ import annotations


def say_count(count: int, noun: str) -> str:
    """Returns the count with its noun: ``1 block``, ``12,345 blocks``."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"
