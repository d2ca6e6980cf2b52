"""What stands in front of the terminal's view for a moment: help, a name to save under, the list of processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList

from vizreport.live.screen import describe_shortly
from vizreport.live.showing import Choice

_HELP = """\
q, Ctrl-C   quit
p, space    pause the screen, not the recording; or a played trace
m, Tab      another order: live, growing, allocated, temporary ...
↑ ↓, k j    select a call stack; its frames are below
PgUp PgDn   more of its frames
n N, l      the next process, the one before; a list of all
s           save what has arrived so far as a trace
← →         move in a played trace by a twentieth; Home, End
+ -         play it faster, slower
Ctrl-Z      back to the shell; fg goes on

Any key goes back."""


class Help(ModalScreen[None]):
    """What keys do."""

    def compose(self) -> ComposeResult:
        """The text."""
        with Vertical():
            yield Label(Text(_HELP))

    def on_key(self) -> None:
        """Closes it."""
        self.dismiss(None)


class NameDialog(ModalScreen[str | None]):
    """Asks for a file's name."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)")]

    def compose(self) -> ComposeResult:
        """The question, and a line to write on."""
        with Vertical():
            yield Label("Save what has arrived so far as (Escape: not at all)")
            yield Input(placeholder="FILE", select_on_focus=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes the name."""
        self.dismiss(event.value.strip())


class ProcessList(ModalScreen[int | None]):
    """Lets a process be chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,l", "dismiss(None)")]

    def __init__(self, choices: Sequence[Choice], *, running: bool) -> None:
        """Takes what there is to choose from; running: processes may still end."""
        super().__init__()
        self._choices, self._going_on = choices, running

    def compose(self) -> ComposeResult:
        """A line for each."""
        with Vertical():
            yield Label("Processes (Enter shows one, Escape closes)")
            room = min(self.app.size.width * 9 // 10, 100) - 8
            lines = (describe_shortly(choice.image, room, running=self._going_on) for choice in self._choices)
            yield OptionList(*map(Text, lines))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Takes the choice."""
        self.dismiss(event.option_index)
