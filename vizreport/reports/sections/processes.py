"""Processes: all images of the recording as a tree, with their totals."""

from __future__ import annotations

from collections.abc import Iterator

from vizreport.model.replay import ImageReplay
from vizreport.reports.page_words import say_count
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.process_text import describe_command, shorten_command, shorten_end
from vizreport.reports.section import Section
from vizreport.reports.summary import NOT_RECORDED_TEXT
from vizreport.units import format_bytes, format_time

HELP = (
    "Every process image of the recording, below the one that forked or executed it. A process that executes "
    "another program becomes a new image. The pictures of this page show one of them; vizreport report --pid makes "
    "a page about another."
)
_MOST_ROWS = 500
_COMMAND_WIDTH = 120


def build(results: PictureResults) -> Section:
    """Lists the images, parents before their children."""
    listed = list(_order(results.replays))
    rows = [
        {
            "depth": depth,
            "pid": replayed.image.pid,
            "command": shorten_command(describe_command(replayed.image), _COMMAND_WIDTH),
            "full": describe_command(replayed.image),
            "shown": replayed is results.replayed,
            "why": NOT_RECORDED_TEXT.get(replayed.image.not_recorded, ""),
            "cells": _describe(replayed),
        }
        for depth, replayed in listed[:_MOST_ROWS]
    ]
    lead = say_count(len(listed), "process image")
    if len(listed) > _MOST_ROWS:
        lead += f", of which the first {_MOST_ROWS} are listed"
    return Section(name="processes", title="Processes", help=HELP, lead=lead, values={"rows": rows})


def _describe(replayed: ImageReplay) -> tuple[str, ...]:
    totals, edges = replayed.totals, replayed.timeline.edges
    return (
        format_bytes(replayed.peak.bytes),
        format_bytes(totals.live_bytes),
        f"{totals.allocs:,}",
        format_bytes(totals.bytes_allocated),
        format_time(int(edges[-1]) - int(edges[0])),
        shorten_end(replayed.image),
    )


def _order(replays: tuple[ImageReplay, ...]) -> Iterator[tuple[int, ImageReplay]]:
    """Yields each image with how many are above it, depth first."""
    known = {replayed.image.index for replayed in replays}
    children: dict[int | None, list[ImageReplay]] = {}
    for replayed in replays:
        parent = replayed.image.parent
        children.setdefault(parent if parent in known else None, []).append(replayed)
    stack = [(0, replayed) for replayed in reversed(children.get(None, []))]
    while stack:
        depth, replayed = stack.pop()
        yield depth, replayed
        stack.extend((depth + 1, child) for child in reversed(children.get(replayed.image.index, [])))
