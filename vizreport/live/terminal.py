"""The live view in a terminal: keys, and the screen drawn anew twice a second.

Textual keeps the terminal: it restores what it changed however the view ends, and follows its size. What is shown is
screen.py's; the feed is the engine's thread's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.widgets import Static

from vizreport.errors import VizzyError
from vizreport.live.dialogs import Help, NameDialog, ProcessList
from vizreport.live.engine import Engine
from vizreport.live.feeds import Feed, Player, Streams
from vizreport.live.listings import LISTINGS, Listing
from vizreport.live.saving import save_so_far
from vizreport.live.screen import Playback, View, divide, draw_screen, move_selection
from vizreport.live.showing import Choice, Showing, Shown, choose_busiest
from vizreport.reports.stack_lists import NamedStack

_REFRESH_S = 0.4
_SEEK_SHARE = 20
_N_ROWS = 100
_SPEED_STEP = 2.0


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a look gave."""

    choices: tuple[Choice, ...] = ()
    choice: Choice | None = None
    shown: Shown | None = None
    listing: Listing = LISTINGS[0]
    rows: tuple[NamedStack, ...] = ()  # of the listing
    playback: Playback | None = None


class TerminalView(App[int]):
    """The view; its result is an exit status."""

    CSS = """
    Screen { background: ansi_default; color: ansi_default; overflow: hidden; }
    Static { background: ansi_default; color: ansi_default; width: 100%; height: 100%; }
    Label { height: auto; }
    ModalScreen { align: center middle; }
    ModalScreen Vertical { width: 90%; max-width: 100; height: auto; max-height: 80%; border: solid ansi_default; }
    ModalScreen Vertical { background: ansi_default; padding: 0 1; }
    ModalScreen Label, ModalScreen Input, ModalScreen OptionList { background: ansi_default; color: ansi_default; }
    ModalScreen Input, ModalScreen OptionList { border: none; width: 100%; }
    OptionList > .option-list--option-highlighted { text-style: reverse; background: ansi_default; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "leave(0)", priority=True),
        Binding("q", "leave(0)"),
        Binding("p,space", "pause"),
        Binding("m,tab", "list_by_next"),
        Binding("down,j", "select(1)"),
        Binding("up,k", "select(-1)"),
        Binding("pagedown", "scroll_frames(1)"),
        Binding("pageup", "scroll_frames(-1)"),
        Binding("n", "change_process(1)"),
        Binding("N", "change_process(-1)"),
        Binding("l", "list_processes"),
        Binding("s", "save"),
        Binding("right", "seek(1)"),
        Binding("left", "seek(-1)"),
        Binding("home", "seek_end(0)"),
        Binding("end", "seek_end(1)"),
        Binding("plus", "change_speed(1)"),
        Binding("minus", "change_speed(-1)"),
        Binding("question_mark,h", "help"),
        Binding("ctrl+z", "suspend_process"),
    ]

    def __init__(self, feed: Feed, showing: Showing) -> None:
        """Shows nothing yet.

        Args:
            feed: What goes on.
            showing: Of the feed.
        """
        super().__init__(ansi_color=True)
        self._engine, self._showing = Engine(feed), showing
        self._player = feed if isinstance(feed, Player) else None
        self._streams = feed if isinstance(feed, Streams) else None
        encoding = (sys.stdout.encoding or "").lower().replace("-", "")
        self._view = View(ascii_only=encoding != "utf8" or os.environ.get("TERM") == "linux")
        self._looked = _Looked()
        self._wanted: tuple[str, int] | None = None  # None: what came last
        self._hurry = asyncio.Event()
        self._failure: Exception | None = None
        self._canvas = Static()

    def compose(self) -> ComposeResult:
        """The one widget."""
        yield self._canvas

    def on_mount(self) -> None:
        """Begins to look."""
        self.run_worker(self._follow())

    def on_resize(self, _: Resize) -> None:
        """Draws for the new size."""
        self._draw()

    def tell(self, text: str) -> None:
        """Shows a message."""
        self._view = replace(self._view, message=text)
        if self.is_running:
            self._draw()

    def _draw(self) -> None:
        lines = draw_screen(self._view, self.size.width, self.size.height)
        self._canvas.update(Text("\n", no_wrap=True, overflow="crop").join(lines))

    async def _follow(self) -> None:
        """Looks and draws until the view ends."""
        try:
            while True:
                self._take(await self._engine.ask(self._look))
                self._draw()
                with suppress(asyncio.TimeoutError):  # what is paused is looked at again if a key asks for it
                    await asyncio.wait_for(self._hurry.wait(), None if self._view.paused else _REFRESH_S)
                self._hurry.clear()
        except Exception as error:  # raised again when the terminal is restored
            self._failure = error
            self.exit(1)

    def _look(self) -> _Looked:
        """Looks; in the engine's thread. In a pause at what was seen before it."""
        looked, listing = self._looked, self._view.listing
        if self._view.paused and looked.shown is not None:
            return replace(looked, listing=listing, rows=listing.list_stacks(looked.shown, _N_ROWS))
        choices = tuple(self._showing.list_choices())
        choice = next((each for each in choices if (each.path, each.image.index) == self._wanted), None)
        choice = choice or choose_busiest(choices)
        player, playback = self._player, None
        if player is not None:
            playback = Playback(player.position_ns, player.duration_ns, player.speed, player.paused, player.seeking)
        if choice is None:
            return _Looked(choices, playback=playback)
        shown = self._showing.look(choice.path, choice.image.index)
        return _Looked(choices, choice, shown, listing, listing.list_stacks(shown, _N_ROWS), playback)

    def _take(self, looked: _Looked) -> None:
        """Makes what was seen what is to be drawn."""
        self._looked = looked
        before = self._view.rows
        view = replace(
            self._view,
            figures=looked.shown.figures if looked.shown is not None else None,
            rows=looked.rows if looked.listing is self._view.listing else (),  # a key may have changed it meanwhile
            process=self._find_number(),
            n_processes=len(looked.choices),
            playback=looked.playback,
        )
        self._view = move_selection(view, before)

    def _find_number(self) -> int:
        """Returns the number of the process that is shown, from 1; 0: there is none."""
        numbers = (number for number, each in enumerate(self._looked.choices, 1) if each is self._looked.choice)
        return next(numbers, 0)

    async def show(self, others: Sequence[asyncio.Task[None]] = ()) -> int:
        """Shows the view until a key or a signal ends it.

        Args:
            others: Work that goes on meanwhile; where it ends, so does the view. It is cancelled at the end.

        Returns:
            The exit status.

        Raises:
            VizzyError: What of the work failed first.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self.action_leave, 0)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.action_leave, 128 + number)
        following = asyncio.create_task(asyncio.to_thread(self._engine.run))
        try:
            if not any(task.done() for task in others):
                for task in (following, *others):
                    task.add_done_callback(lambda _: self.exit(0))
                await self.run_async(mouse=False)  # the terminal's own selection stays usable
            status = self.return_code or self.return_value or 0
        finally:
            self._engine.stop()
            for task in others:
                task.cancel()
            results = await asyncio.gather(following, *others, return_exceptions=True)
        for result in (self._failure, *results):
            if isinstance(result, Exception):
                raise result
        return status

    # ---- keys --------------------------------------------------------------------------------------------------------

    def action_leave(self, status: int) -> None:
        """Ends the view."""
        self.exit(status)

    async def action_pause(self) -> None:
        """Stops or goes on."""
        player = self._player
        if player is None:
            self._view = replace(self._view, paused=not self._view.paused)
            self._draw()
        else:
            await self._engine.ask(lambda: player.resume() if player.paused else player.pause())
        self._hurry.set()

    def action_list_by_next(self) -> None:
        """Shows the next table."""
        at = LISTINGS.index(self._view.listing)
        listing = LISTINGS[(at + 1) % len(LISTINGS)]
        self._view = replace(self._view, listing=listing, rows=(), selected=0, frames_from=0)
        self._hurry.set()

    def action_select(self, step: int) -> None:
        """Selects another call stack."""
        last = max(len(self._view.rows) - 1, 0)
        selected = min(max(self._view.selected + step, 0), last)
        self._view = replace(self._view, selected=selected, frames_from=0)
        self._draw()

    def action_scroll_frames(self, step: int) -> None:
        """Shows other frames of the selected call stack."""
        rows, height = self._view.rows, divide(self.size.height).frames
        n_frames = len(rows[self._view.selected].stack) if rows else 0
        begin = min(self._view.frames_from + step * height, n_frames - height)
        self._view = replace(self._view, frames_from=max(begin, 0))
        self._draw()

    def action_change_process(self, step: int) -> None:
        """Shows another process."""
        choices = self._looked.choices
        if choices:
            self._choose(choices[(self._find_number() - 1 + step) % len(choices)])

    def _choose(self, choice: Choice) -> None:
        self._wanted = choice.path, choice.image.index
        self._view = replace(self._view, selected=0, frames_from=0, paused=False)
        self._hurry.set()

    async def action_seek(self, step: int) -> None:
        """Goes back or forth in a played trace."""
        if self._player is not None:
            await self._seek(self._player.position_ns + step * self._player.duration_ns // _SEEK_SHARE)

    async def action_seek_end(self, share: int) -> None:
        """Goes to the beginning or the end of a played trace."""
        if self._player is not None:
            await self._seek(share * self._player.duration_ns)

    async def _seek(self, time_ns: int) -> None:
        player = self._player
        assert player is not None
        await self._engine.ask(lambda: player.seek(time_ns))
        self._hurry.set()

    async def action_change_speed(self, step: int) -> None:
        """Plays faster or slower."""
        player = self._player
        if player is not None:
            await self._engine.ask(lambda: player.play_at(player.speed * _SPEED_STEP**step))
            self._hurry.set()

    def action_list_processes(self) -> None:
        """Shows a list of processes."""

        def choose(number: int | None) -> None:
            if number is not None:
                self._choose(choices[number])

        choices = self._looked.choices
        self.push_screen(ProcessList(choices, running=self._view.is_going_on), choose)

    def action_save(self) -> None:
        """Asks for a name, and saves."""
        choice = self._looked.choice
        if self._streams is None or choice is None:
            return

        def begin(name: str | None) -> None:
            if name:
                self.run_worker(self._save(choice.path, name))

        self.push_screen(NameDialog(), begin)

    async def _save(self, path: str, name: str) -> None:
        streams = self._streams
        assert streams is not None
        self.tell(f"saving {name} ...")
        try:
            source, n_bytes = await self._engine.ask(lambda: streams.save(path))
            await asyncio.to_thread(save_so_far, source, n_bytes, name)
            self.tell(f"saved {name}")
        except VizzyError as error:
            self.tell(str(error))
        except KeyError:
            self.tell("this recording is not shown any more: newer ones came")

    def action_help(self) -> None:
        """Says what keys do."""
        self.push_screen(Help())
