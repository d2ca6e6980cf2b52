"""The terminal view without a terminal: what a look gives and what keys change meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builders import TraceBuilder, malloc

from vizreport.live.feeds import Player
from vizreport.live.listings import LISTINGS
from vizreport.live.showing import Showing
from vizreport.live.terminal import TerminalView
from vizreport.symbols.options import SymbolOptions


def test_rows_of_another_order_are_not_shown(tmp_path: Path) -> None:
    """A key asked for another order while the look was under way."""
    path = tmp_path / "t.trace"
    builder = TraceBuilder().session().image(0).nodes([(3, 0, 0x1000)])
    path.write_bytes(builder.events([malloc(16, 1000, stack=3, time=5)]).build())
    player = Player(str(path), 1.0, start_ns=5)
    while player.advance():
        pass
    view = TerminalView(player, Showing(player, SymbolOptions(use_symbols=False), n_stacks=0))
    looked = view._look()
    view._take(looked)
    assert [entry.values for entry in view._view.rows] == [(1000, 1)]
    view._view = replace(view._view, listing=LISTINGS[2], rows=())
    view._take(looked)
    assert not view._view.rows
    view._take(view._look())
    assert [entry.values for entry in view._view.rows] == [(1, 1000)]
