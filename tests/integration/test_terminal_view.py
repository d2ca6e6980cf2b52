"""`live --tui` and `replay --tui`: what is on the screen is what the trace holds, and keys do what they say."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import TraceBuilder, free, malloc
from recording import ENVIRONMENT, ROOT, Program, Require, run_vizreport
from tmux import Terminal

from vizreport.units import format_bytes

S = 1_000_000_000
ENV = {**ENVIRONMENT, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": os.devnull, "NO_COLOR": "1"}
VIZREPORT = (sys.executable, "-c", "import sys; from vizreport.cli.main import main; sys.exit(main())")


@pytest.fixture
def terminal(require: Require, tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(require("tmux"), tmp_path)
    yield terminal
    terminal.close()


def replay(terminal: Terminal, trace: Path, *options: str, width: int = 80, height: int = 24) -> None:
    command = [*VIZREPORT, "replay", "--tui", str(trace), *options]
    terminal.start(command, ENV, width=width, height=height)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Two processes. The first allocates 1000 bytes a second, in turns by two stacks; in the end it frees some."""
    builder = TraceBuilder().session()
    for index, name in enumerate(("first", "second")):
        nodes = [(3, 0, 0x1100), (4, 3, 0x2200), (5, 3, 0x3300)]
        builder.image(index, pid=7 + index, args=[name, "argument"]).module(index, path=b"/bin/prog").nodes(
            nodes, image=index
        )
    leak = [malloc(4096 * k, 1000, stack=4 + k % 2, time=k * S) for k in range(1, 101)]
    builder.events([*leak, *(free(4096 * k, time=101 * S) for k in range(1, 50, 2))], image=0)
    builder.events([malloc(16, 77, stack=3, time=5 * S)], image=1)
    path = tmp_path / "two.trace"
    path.write_bytes(builder.image_end(0, time=102 * S).image_end(1, time=6 * S).build())
    return path


def check_figures(terminal: Terminal, trace: Path, number: int = 0) -> None:
    """Waits until the figures of a process are those of the summary."""
    summary = json.loads(run_vizreport("summary", "--json", str(trace)))["processes"][number]
    live, peak = summary["in_use_at_exit"], summary["peak"]
    dropped = summary["anomalies"]["dropped_events"]
    for text in (
        f"live {format_bytes(live['bytes'])} · {live['blocks']:,} blocks · peak {format_bytes(peak['bytes'])} at ",
        f" {summary['allocs']:,} allocs · {summary['frees']:,} frees",
        f"{dropped:,} events dropped" if dropped else "nothing lost",
    ):
        terminal.wait(text)


def test_what_arrives_is_shown_and_saved(
    vizzytrace: Path, program: Program, terminal: Terminal, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.trace"
    command = [*VIZREPORT, "live", "--tui", "--listen", "127.0.0.1:0", "--save", str(kept)]
    terminal.start(command, ENV, width=132)
    port = re.findall(r"listening on 127\.0\.0\.1:(\d+)", terminal.wait("listening on 127.0.0.1:"))[0]
    assert "Nothing has arrived yet" in terminal.screen()
    recorded = [str(vizzytrace), f"tcp://127.0.0.1:{port}", str(program("storm.c"))]
    subprocess.run(recorded, check=True, capture_output=True, timeout=60)
    check_figures(terminal, kept)
    assert "storm" in terminal.wait("is complete")
    terminal.keys("s")
    terminal.wait("Save what has arrived")
    terminal.keys(f"{tmp_path}/so q far.trace", "Enter")  # q is no command there
    terminal.wait("saved ")
    complete, saved = (
        json.loads(run_vizreport("summary", "--json", str(path)))["processes"]
        for path in (kept, tmp_path / "so q far.trace")
    )
    assert complete == saved
    for name, answer in (
        (str(kept), "is there already"),
        ("x" * 300, "File name too long"),
        ("/no/such/folder/x", "No such file or directory"),
        ("/dev/full/x", "Not a directory"),
        ("~nobody-of-that-name/x", "home"),
    ):
        terminal.keys("s")
        terminal.wait("Save what has arrived")
        terminal.keys(name, "Enter")
        terminal.wait(answer)
    terminal.keys("q")
    assert terminal.wait_for_end() == 0


def test_save_in_the_middle(vizzytrace: Path, program: Program, terminal: Terminal, tmp_path: Path) -> None:
    """What was saved while more came is a valid trace, of what had come by then."""
    terminal.start([*VIZREPORT, "live", "--tui", "--listen", "127.0.0.1:0"], ENV, width=132)
    port = re.findall(r"listening on 127\.0\.0\.1:(\d+)", terminal.wait("listening on 127.0.0.1:"))[0]
    command = [str(vizzytrace), f"tcp://127.0.0.1:{port}", str(program("churn.c")), "1000000000"]
    recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        terminal.wait(lambda screen: "churn" in screen and ", running)" in screen and " 0 allocs" not in screen)
        terminal.keys("p")
        paused = terminal.wait("paused: recording goes on")
        allocs = int(re.findall(r"([\d,]+) allocs", paused)[0].replace(",", ""))
        terminal.keys(*"mmmm")
        by_allocs = re.compile(r"Call stacks by allocations\n +[\d,]+ +\d.*main")
        assert f" {allocs:,} allocs" in terminal.wait(lambda screen: by_allocs.search(screen) is not None)
        terminal.keys("s")
        terminal.wait("Save what has arrived")
        terminal.keys(f"{tmp_path}/middle.trace", "Enter")
        terminal.wait("saved ")
        still = terminal.screen()
        assert re.findall(r"([\d,]+) allocs", still) == re.findall(r"([\d,]+) allocs", paused)
        process = json.loads(run_vizreport("summary", "--json", str(tmp_path / "middle.trace")))["processes"][0]
        assert process["allocs"] >= allocs
        assert process["anomalies"]["damaged_blocks"] == 0
        terminal.keys("p")
        terminal.wait(
            lambda screen: re.findall(r"([\d,]+) allocs", screen) not in ([], re.findall(r"([\d,]+) allocs", still))
        )
    finally:
        recorder.kill()
        recorder.wait()
    terminal.keys("q")
    assert terminal.wait_for_end() == 0


def test_keys_of_a_played_trace(terminal: Terminal, trace: Path) -> None:
    replay(terminal, trace, "--speed", "0.000002", width=120)
    terminal.wait("0 blocks")
    terminal.keys("End")
    check_figures(terminal, trace)
    terminal.wait("102.000 s of 102.000 s, at its end")
    terminal.keys("Left")
    terminal.wait("96.900 s of 102.000 s")
    terminal.wait("96 blocks")
    terminal.keys("Home", "Right")
    terminal.wait("5.100 s of")
    terminal.wait("5 blocks")
    terminal.keys("+")
    terminal.wait("4e-06 times as fast")
    terminal.keys("-", "-")
    terminal.wait("1e-06 times as fast")
    terminal.keys("Space")
    terminal.wait("paused")
    terminal.keys("Space")
    terminal.wait("times as fast")
    terminal.keys("n")
    terminal.wait("second argument")
    terminal.wait("77 bytes")
    terminal.keys("N")
    terminal.wait("first argument")
    terminal.keys("l")
    terminal.wait("Processes (Enter shows one")
    terminal.keys("Down", "Enter")
    terminal.wait("second argument")
    terminal.keys("?")
    terminal.wait("Any key goes back")
    terminal.keys("x")
    terminal.wait("second argument")
    terminal.keys("q")
    assert terminal.wait_for_end() == 0


def test_tables_and_selection(terminal: Terminal, trace: Path) -> None:
    replay(terminal, trace, "--speed", "0.000001", "--start", "100.5", "--no-symbols")
    screen = terminal.wait("100 blocks")
    assert re.search(r"48\.8 KiB +50  prog\+0x1200 ← prog\+0x100\n", screen)
    assert re.search(r"Selected call stack\n +0  prog\+0x1200\n +1  prog\+0x100\n", screen)
    terminal.keys("Down")
    terminal.wait(lambda screen: re.search(r"Selected call stack\n +0  prog\+0x2300", screen) is not None)
    terminal.keys("m")
    # 60 of the 100 blocks are of the last minute, 30 of each stack; the level a minute ago is rounded to 5 s.
    growing = re.compile(r"over the last minute\n +29\.\d KiB +48\.8 KiB  prog\+0x")
    terminal.wait(lambda screen: growing.search(screen) is not None)
    terminal.keys("m")
    terminal.wait("Live call stacks")


def test_it_follows_the_size(terminal: Terminal, trace: Path) -> None:
    replay(terminal, trace, "--start", "end", "--no-symbols")
    terminal.wait("75 blocks")
    for width, height in ((132, 50), (40, 12), (20, 5), (10, 3), (1, 1), (80, 24)):
        terminal.resize(width, height)
        if height > 3:
            terminal.wait(lambda screen, n=height: len(screen.split("\n")) == n + 1 and "live" in screen)  # type: ignore[misc]
        if width >= 80:
            terminal.wait(lambda screen: "? help" in screen or "speed" in screen)
    terminal.keys("q")
    assert terminal.wait_for_end() == 0


HOSTILE = [
    "\x1b[31mred\x1b]0;title\x07",
    "wide漢字名前",
    "bidi\u202eevil",
    "zero\u200bwidth",
    "[bold]markup[bold]",
    "\x9b2J",
    "cr\rlf\n",
]


def test_hostile_names(terminal: Terminal, tmp_path: Path) -> None:
    builder = TraceBuilder().session().image(0, args=HOSTILE)
    nodes = [(3 + k, 0, 0x1000 * (k + 1)) for k in range(len(HOSTILE))]
    for k, name in enumerate(HOSTILE):
        builder.module(
            module=k + 1, path=f"/bin/{name}".encode(), start=0x1000 * (k + 1) - 0x800, end=0x1000 * (k + 1) + 0x800
        )
    builder.nodes(nodes).events([malloc(16 * (k + 1), 5000 - k, stack=3 + k, time=k) for k in range(len(HOSTILE))])
    path = tmp_path / "hostile.trace"
    path.write_bytes(builder.build())
    replay(terminal, path, "--start", "end", "--no-symbols", width=200)
    screen = terminal.wait("7 blocks")
    for text in (
        r"\x1b[31mred\x1b]0;title\x07",
        "wide漢字名前",
        r"bidi\u202eevil",
        r"zero\u200bwidth",
        "[bold]markup[bold]",
    ):
        assert len(re.findall(re.escape(text), screen)) >= 2, text
    assert r"\x9b2J" in screen
    assert r"cr\rlf\n" in screen
    assert not terminal.colours() & {str(colour) for colour in (*range(30, 39), *range(40, 49), *range(90, 108))}
    assert terminal.flags["alternate_on"] == "1"


def test_colours_unless_they_are_not_wanted(terminal: Terminal, trace: Path) -> None:
    env = {name: value for name, value in ENV.items() if name != "NO_COLOR"}
    terminal.start([*VIZREPORT, "replay", "--tui", str(trace), "--start", "end"], env)
    terminal.wait("75 blocks")
    assert "36" in terminal.colours()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 0), (signal.SIGHUP, 129)])
def test_signals_restore_the_terminal(terminal: Terminal, trace: Path, number: int, status: int) -> None:
    replay(terminal, trace)
    terminal.wait("quit")
    assert terminal.flags["alternate_on"] == "1"
    os.kill(terminal.pid, number)
    assert terminal.wait_for_end() == status


def test_ctrl_c_and_the_shell(terminal: Terminal, trace: Path) -> None:
    replay(terminal, trace)
    terminal.wait("quit")
    terminal.keys("C-c")
    assert terminal.wait_for_end() == 0


@pytest.mark.parametrize("what", ["draw_screen", "_look"])
def test_a_bug_restores_the_terminal(terminal: Terminal, trace: Path, tmp_path: Path, what: str) -> None:
    script = tmp_path / "bug.py"
    script.write_text(
        "import itertools\n"
        "from vizreport.live import terminal\n"
        f"owner = terminal if {what!r} == 'draw_screen' else terminal.TerminalView\n"
        f"whole, calls = getattr(owner, {what!r}), itertools.count()\n"
        "def fail(*arguments):\n"
        "    if next(calls) > 3: raise RuntimeError('a bug')\n"
        "    return whole(*arguments)\n"
        f"setattr(owner, {what!r}, fail)\n"
        "from vizreport.cli.main import main\n"
        "main()\n"
    )
    terminal.start([sys.executable, script, "replay", "--tui", trace], ENV)
    terminal.wait("RuntimeError: a bug")
    assert terminal.wait_for_end() == 1


def test_a_port_that_is_taken(terminal: Terminal, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        terminal.start([*VIZREPORT, "live", "--tui", "--listen", f"127.0.0.1:{port}"], ENV)
        terminal.wait("can't listen there")
        assert terminal.wait_for_end() == 1


@pytest.mark.parametrize("speed", ["inf", "nan", "-1", "0", "1e300", "fast"])
def test_speeds_that_are_none(trace: Path, speed: str) -> None:
    command = [*VIZREPORT, "replay", str(trace), "--speed", speed]
    run = subprocess.run(command, env=ENV, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 2
    assert re.fullmatch(r"vizreport: Invalid value for '--speed': .*\n", run.stderr)


@pytest.mark.parametrize("command", [["live", "--tui"], ["replay", "--tui", "none.trace"]])
def test_where_there_is_no_terminal(command: list[str]) -> None:
    run = subprocess.run(
        [*VIZREPORT, *command], env=ENV, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert run.returncode == 1
    assert re.fullmatch(r"vizreport: standard input is no terminal: --tui needs one; .*\n", run.stderr)
    assert run.stdout == ""


def test_a_terminal_that_can_not_be_drawn_on(terminal: Terminal, trace: Path) -> None:
    terminal.start([*VIZREPORT, "replay", "--tui", str(trace)], ENV, before="TERM=dumb; export TERM")
    terminal.wait("TERM names no terminal")
    assert terminal.wait_for_end() == 1
