"""The terminal's screen as text: as many lines as there are, none too wide, and nothing that drives a terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import TraceBuilder, malloc
from hypothesis import given
from hypothesis import strategies as st

from vizreport.live.listings import LISTINGS, Listing
from vizreport.live.played import PlayedSession
from vizreport.live.screen import Playback, View, draw_screen, move_selection
from vizreport.live.session import LiveFigures
from vizreport.model.frames import Frame
from vizreport.model.trace import Drops
from vizreport.reports.stack_lists import NamedStack
from vizreport.trace.format import NODE_COMPLETE

S = 1_000_000_000


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> LiveFigures:
    path = tmp_path_factory.mktemp("screen") / "t.trace"
    events = [malloc(16 * k, 1024, stack=3, time=k * S) for k in range(1, 101)]
    path.write_bytes(TraceBuilder().session().image(0).nodes([(3, 0, 0x1000)]).events(events).image_end(0).build())
    session = PlayedSession(str(path))
    session.seek(100 * S)
    while session.advance():
        pass
    return session.look(0)


def name(*names: str) -> tuple[NamedStack, ...]:
    return tuple(
        NamedStack((1024 * (10 - k), k), (Frame(name, f"/bin/{name}", 16, "a/b.c", 7),) * 9, NODE_COMPLETE)
        for k, name in enumerate(names)
    )


def draw(view: View, width: int = 80, height: int = 24) -> str:
    return "\n".join(line.plain.rstrip() for line in draw_screen(view, width, height))


@given(
    names=st.lists(st.text(), max_size=30),
    width=st.integers(1, 200),
    height=st.integers(1, 60),
    selected=st.integers(0, 29),
    listing=st.sampled_from(LISTINGS),
    message=st.text(),
    playback=st.sampled_from([None, Playback(5, 10, 1.0, paused=False, seeking=True)]),
    ascii_only=st.booleans(),
)
def test_it_fills_the_screen_and_no_more(
    figures: LiveFigures,
    names: list[str],
    width: int,
    height: int,
    selected: int,
    listing: Listing,
    message: str,
    playback: Playback | None,
    ascii_only: bool,
) -> None:
    view = View(
        figures,
        name(*names),
        1,
        2,
        listing,
        selected,
        3,
        message=message,
        playback=playback,
        ascii_only=ascii_only,
    )
    for each in (view, View(ascii_only=ascii_only)):
        lines = draw_screen(each, width, height)
        assert len(lines) == height
        for line in lines:
            assert line.cell_len <= width
            assert line.plain.isprintable()
            assert line.plain.isascii() or not ascii_only


def test_figures_and_graph(figures: LiveFigures) -> None:
    text = draw(View(figures, name("leaky"), 1, 1))
    assert "live 100.0 KiB · 100 blocks · peak 100.0 KiB at 100.000 s" in text
    assert "nothing lost" in text
    graph = [line for line in text.split("\n") if "█" in line]
    assert graph[0].startswith(" 100.0 KiB ")
    lowest = graph[-1][11:]
    levels = ["▁▂▃▄▅▆▇█".index(bar) for bar in lowest.strip()]
    assert levels == sorted(levels)  # it only grows
    assert len(lowest) == 69


def test_the_selected_stack_stays_in_sight(figures: LiveFigures) -> None:
    names = [f"function{k}" for k in range(50)]
    for selected in (0, 7, 20, 49):
        table, frames = draw(View(figures, name(*names), selected=selected)).split("Selected call stack")
        assert f"  function{selected} " in table
        assert f"  0  function{selected}  a/b.c" in frames


def test_the_selection_follows_its_stack(figures: LiveFigures) -> None:
    view = View(figures, name("a", "b", "c"), selected=1)
    after = View(figures, name("b", "c", "a"), selected=1)
    assert move_selection(after, view.rows).rows[move_selection(after, view.rows).selected].stack[0].function == "b"
    top = View(figures, name("c", "b", "a"), selected=0)
    assert move_selection(top, view.rows).selected == 0
    assert move_selection(View(figures, name("x"), selected=2), view.rows).selected == 0


def test_callers_are_whole_or_not_there(figures: LiveFigures) -> None:
    long = NamedStack((1, 1), tuple(Frame(name, None, 0) for name in ("leaf", "middle", "x" * 70)), NODE_COMPLETE)
    text = draw(View(figures, (long,)))
    assert "leaf ← middle\n" in text


def test_losses_stand_first(figures: LiveFigures) -> None:
    drops = Drops(*(np.array([each], np.uint64) for each in (1, 2, 1234)))
    image = replace(figures.image, drops=drops)
    text = draw(View(replace(figures, image=image, n_lost=5)))
    assert "\n1,234 events dropped, 5 blocks damaged · " in text


def test_a_process_without_an_end_is_running_while_more_may_come(figures: LiveFigures) -> None:
    image = replace(figures.image, end=None)
    figures = replace(figures, image=image)
    half, end = (Playback(at, 10, 1.0, paused=False, seeking=False) for at in (5, 10))
    assert "(pid 100, running)" in draw(View(figures))
    assert "(pid 100, running)" in draw(View(figures, playback=half))
    assert "(pid 100, end not known)" in draw(View(figures, playback=end))


def test_no_bytes_at_all(tmp_path: Path) -> None:
    (tmp_path / "t.trace").write_bytes(TraceBuilder().session().image(0).build())
    view = View(PlayedSession(str(tmp_path / "t.trace")).look(0))
    assert "none" in draw(view)
    assert all(len(line) <= 30 for line in draw(view, 30, 10).split("\n"))
