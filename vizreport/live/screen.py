"""What the terminal shows of one image, as lines of text for a width and a height. Knows no terminal and no keys.

Whatever comes from a trace is escaped here: a name must not drive the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from vizreport.live.listings import LISTINGS, Listing
from vizreport.live.session import LiveFigures
from vizreport.model.frames import Frame
from vizreport.model.replay import Timeline
from vizreport.model.trace import Image
from vizreport.names import ELLIPSIS, find_base_name, quote, shorten_name
from vizreport.reports.process_text import describe_command, describe_process, shorten_command
from vizreport.reports.stack_lists import NamedStack
from vizreport.reports.stack_view import describe_stack
from vizreport.units import format_bytes, format_time

_BARS = " ▁▂▃▄▅▆▇█"
_ASCII = str.maketrans("▁▂▃▄▅▆▇█←·▶…", "..::||##<|>~")
_LABEL_COLUMNS = 11
_FIGURE_COLUMNS = 11
_LEAST_PLACE = 8
_CALLED_BY = " ← "

_STRONG, _FAINT, _GOOD, _WARN, _CHOSEN, _GRAPH = "bold", "dim", "green", "bold red", "reverse", "cyan"


@dataclass(frozen=True, slots=True)
class Playback:
    """Where a played trace is."""

    position_ns: int
    duration_ns: int
    speed: float
    paused: bool
    seeking: bool


@dataclass(frozen=True, slots=True)
class View:
    """What is to be shown.

    Attributes:
        figures: Of the image; None: nothing has arrived.
        rows: Call stacks of the listing, in order.
        process: Number of the image, from 1.
        n_processes: Of how many.
        listing: Which table.
        selected: Row of the table.
        frames_from: First frame that is shown of the selected stack.
        paused: The screen stays as it is; a played trace has its own.
        playback: None: the trace arrives.
        message: What to tell last.
        ascii_only: The terminal has no other characters.
    """

    figures: LiveFigures | None = None
    rows: tuple[NamedStack, ...] = ()
    process: int = 0
    n_processes: int = 0
    listing: Listing = LISTINGS[0]
    selected: int = 0
    frames_from: int = 0
    paused: bool = False
    playback: Playback | None = None
    message: str = ""
    ascii_only: bool = False

    @property
    def is_going_on(self) -> bool:
        """Whether processes may still end."""
        return self.playback is None or self.playback.position_ns < self.playback.duration_ns


@dataclass(frozen=True, slots=True)
class Heights:
    """Lines of each part; what does not fit has none."""

    graph: int
    rows: int
    frames: int


def divide(height: int) -> Heights:
    """Divides what the head, titles, message and footer leave of a screen: the table comes first."""
    left = max(height - 7, 0)
    graph = min(max((left - 5) // 3, 0), 10)
    graph = graph if graph >= 3 else 0
    left -= graph
    frames = left * 2 // 5 if left >= 5 else 0
    return Heights(graph, left - frames, max(frames - 1, 0))


def draw_screen(view: View, width: int, height: int) -> list[Text]:
    """Returns as many lines as there are, each at most as wide as the screen."""
    heights = divide(height)
    lines = [*_draw_head(view, width)]
    if view.figures is not None:
        lines += _draw_graph(view.figures, view.playback, width, heights.graph)
        lines += _draw_table(view, width, heights.rows)
        lines += _draw_frames(view, width, heights.frames)
    lines = lines[: max(height - 2, 0)]
    lines += [Text()] * (height - 2 - len(lines))
    lines += [_draw_message(view, width), _draw_keys(view, width)]
    return [_fit(line, width, ascii_only=view.ascii_only) for line in lines[-height:]]


def _fit(line: Text, width: int, *, ascii_only: bool) -> Text:
    """Cuts a line to the width, in cells."""
    if ascii_only:
        plain = line.plain.translate(_ASCII)
        line.plain = "".join(char if char.isascii() else "?" for char in plain)
    line.no_wrap = True
    line.truncate(width, overflow="crop")
    return line


def _join(parts: Iterable[str | Text], width: int) -> Text:
    """Returns the first parts, as many as there is room for."""
    line = Text()
    for part in parts:
        begin = " · " if line.plain else ""
        if line.cell_len + len(begin) + (part.cell_len if isinstance(part, Text) else len(part)) > width:
            break
        line.append(begin, _FAINT).append(part)
    return line


def _draw_head(view: View, width: int) -> list[Text]:
    """Returns the process and its figures: three lines."""
    figures = view.figures
    if figures is None:
        return [Text("vizzy", style=_STRONG), Text("Nothing has arrived yet."), Text()]
    totals, peak, rate = figures.core.totals, figures.core.peak, figures.rate
    rss = figures.image.samples.rss
    held: list[str | Text] = [
        Text(f"live {format_bytes(totals.live_bytes)}", style=_STRONG),
        f"{totals.live_blocks:,} blocks",
        f"peak {format_bytes(peak.bytes)} at {format_time(peak.time_ns)}",
        f"RSS {format_bytes(int(rss[-1])) if len(rss) else '-'}",
    ]
    flow: list[str | Text] = [
        _describe_losses(figures),
        f"{rate.events:,.0f} events/s",
        f"{format_bytes(round(rate.bytes_allocated))}/s allocated",
        f"{totals.allocs:,} allocs",
        f"{totals.frees:,} frees",
    ]
    return [_draw_process(view, figures.image, width), _join(held, width), _join(flow, width)]


def _draw_process(view: View, image: Image, width: int) -> Text:
    """Returns the command, shortened before what follows it is cut."""
    number = f"  {view.process} of {view.n_processes}" if view.n_processes > 1 else ""
    line = Text(describe_shortly(image, width - len(number), running=view.is_going_on), style=_STRONG)
    line.truncate(width - len(number), pad=True)
    return line.append(number, style="not bold")


def describe_shortly(image: Image, width: int, *, running: bool) -> str:
    """Returns what describe_process does; the command is shortened where there is no room for it."""
    command = describe_command(image)
    rest = describe_process(image, running=running).removeprefix(command)
    return shorten_command(command, max(width - len(rest), width // 2)) + rest


def _describe_losses(figures: LiveFigures) -> Text:
    lost = [
        f"{n:,} {what}"
        for n, what in ((figures.n_dropped, "events dropped"), (figures.n_lost, "blocks damaged"))
        if n > 0
    ]
    return Text(", ".join(lost), style=_WARN) if lost else Text("nothing lost", style=_GOOD)


def _draw_graph(figures: LiveFigures, playback: Playback | None, width: int, height: int) -> list[Text]:
    """Returns live bytes over time: the most of each column, and the times at both ends below."""
    n = width - _LABEL_COLUMNS
    if height < 2 or n < 8:
        return []
    timeline, now = figures.core.timeline, figures.now_ns
    start = min(int(timeline.edges[0]), now)
    end = max(playback.duration_ns if playback else 0, now)
    values = _sample(timeline, np.linspace(float(start), float(end) + 1, n + 1), now)
    top = int(values.max())
    bars = np.ceil(values * ((height - 1) * 8 / max(top, 1))).astype(np.int64)
    lines = []
    for row in range(height - 1):
        label = format_bytes(top) if row == 0 else "0" if row == height - 2 else ""
        cells = np.clip(bars - (height - 2 - row) * 8, 0, 8).tolist()
        lines.append(
            Text.assemble((f"{label:>{_LABEL_COLUMNS - 1}} ", _FAINT), ("".join(_BARS[cell] for cell in cells), _GRAPH))
        )
    left, right = format_time(start), format_time(end)
    lines.append(Text(" " * _LABEL_COLUMNS + left + right.rjust(n - len(left)), style=_FAINT))
    return lines


def _sample(timeline: Timeline, bounds: NDArray[np.float64], now_ns: int) -> NDArray[np.float64]:
    """Returns the most live bytes between neighbouring bounds; 0 from now on."""
    edges = timeline.edges.astype(np.float64)
    first = np.clip(np.searchsorted(edges, bounds[:-1], side="right") - 1, 0, len(edges) - 2)
    last = np.clip(np.searchsorted(edges, bounds[1:], side="left"), first + 1, len(edges) - 1)
    most = [timeline.max_bytes[begin:end].max() for begin, end in zip(first.tolist(), last.tolist(), strict=True)]
    return np.where(bounds[:-1] <= now_ns, np.array(most, np.float64), 0.0)


def _draw_table(view: View, width: int, height: int) -> list[Text]:
    """Returns a title, and a window of the table's rows that the selected one is in."""
    listing, rows = view.listing, view.rows
    head = "".join(f"{column.name:>{_FIGURE_COLUMNS}}" for column in listing.columns)
    lines = [Text.assemble((head, _FAINT), ("  " + listing.title, _STRONG))]
    if not rows:
        lines.append(Text("none".rjust(_FIGURE_COLUMNS), style=_FAINT))
    begin = min(max(view.selected - height // 2, 0), max(len(rows) - height, 0))
    for number, entry in enumerate(rows[begin : begin + height], begin):
        figures = [column.format(value) for column, value in zip(listing.columns, entry.values, strict=True)]
        line = Text("".join(f"{figure:>{_FIGURE_COLUMNS}}" for figure in figures) + "  ")
        line.append(_describe_site(entry.stack, width - len(line)))
        if number == view.selected:
            line.truncate(width, pad=True)
            line.stylize(_CHOSEN)
        lines.append(line)
    return [*lines, *[Text()] * (height + 1 - len(lines))][: height + 1]


def _describe_site(stack: Sequence[Frame], width: int) -> str:
    """Returns the call site and as many of its callers as there is room for."""
    lines = describe_stack(stack)
    text = quote(shorten_name(lines[0].function, max(width, 1)))
    for line in lines[1:]:
        left = width - len(text) - len(_CALLED_BY)
        name = quote(shorten_name(line.function, max(left, 1)))
        if name.startswith(ELLIPSIS):
            name = quote(find_base_name(line.function))
        if len(name) > left:
            break
        text += _CALLED_BY + name
    return text


def _draw_frames(view: View, width: int, height: int) -> list[Text]:
    """Returns a title and frames of the selected stack, the call site first: functions, then places."""
    if height < 1 or not view.rows:
        return []
    entry = view.rows[min(view.selected, len(view.rows) - 1)]
    frames = describe_stack(entry.stack, entry.root)
    begin = min(view.frames_from, max(len(frames) - height, 0))
    shown = frames[begin : begin + height]
    more = f", {begin + 1} to {begin + len(shown)} of {len(frames)}" if len(shown) < len(frames) else ""
    lines = [Text(f"Selected call stack{more}", style=_STRONG)]
    for number, frame in enumerate(shown, begin):
        place = quote(frame.place)
        room = max(width - 5, 8)
        kept = min(len(place), room // 2)
        function = quote(shorten_name(frame.function, room - kept - 2)) + (" (inlined)" if frame.inlined else "")
        line = Text(f"{number:>3}  {function}")
        left = width - line.cell_len - 2
        if place != function and left > _LEAST_PLACE:
            cut = Text(place if len(place) <= left else "…" + place[len(place) - left + 1 :], style=_FAINT)
            line.append("  ").append_text(cut)
        lines.append(line)
    return lines


def _draw_message(view: View, width: int) -> Text:
    """Returns where a played trace is, and the last message."""
    line = Text()
    played = view.playback
    if played is not None:
        where = f"▶ {format_time(played.position_ns)} of {format_time(played.duration_ns)}, {_describe_state(played)}"
        line.append(where, _GOOD)
    elif view.paused:
        line.append("paused: recording goes on", _WARN)
    if view.message:
        line.append("  " if line.plain else "")
        message = quote(view.message)
        room = max(width - line.cell_len, 1)
        # Reasons stand at the end.
        line.append(message if len(message) <= room else f"…{message[len(message) - room + 1 :]}")
    return line


def _describe_state(played: Playback) -> str:
    if played.seeking:
        return "seeking"
    if played.paused:
        return "paused"
    if played.position_ns == played.duration_ns:
        return "at its end"
    return f"{played.speed:g} times as fast"


def _draw_keys(view: View, width: int) -> Text:
    """Returns what keys do, those first that must be known."""
    following = LISTINGS[(LISTINGS.index(view.listing) + 1) % len(LISTINGS)]
    keys = [("q", "quit"), ("p", "pause"), ("m", following.name), ("n", "next process"), ("↑↓", "select")]
    keys += [("←→", "seek"), ("+-", "speed")] if view.playback is not None else [("s", "save")]
    keys.append(("?", "help"))
    line = Text()
    for key, meaning in keys:
        if line.cell_len + len(key) + len(meaning) + 3 > width:
            break
        line.append(f" {key}", style=_STRONG).append(f" {meaning} ")
    return line


def move_selection(view: View, rows_before: Sequence[NamedStack]) -> View:
    """Returns the view with the stack selected that was selected before, wherever it is now."""
    rows = view.rows
    if view.selected > 0 and view.selected < len(rows_before):
        wanted = _find_addresses(rows_before[view.selected])
        found = next((number for number, entry in enumerate(rows) if _find_addresses(entry) == wanted), view.selected)
        view = replace(view, selected=found)
    return replace(view, selected=max(min(view.selected, len(rows) - 1), 0))


def _find_addresses(entry: NamedStack) -> list[tuple[str | None, int]]:
    """Returns what stays of a stack when its names become known."""
    return list(dict.fromkeys((frame.module, frame.address) for frame in entry.stack))
