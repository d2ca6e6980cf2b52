"""Pages of traces that are no whole recording of a well-behaved program: each says what it is."""

import subprocess
from pathlib import Path

import pytest
from builders import TraceBuilder, free, malloc
from opened_page import MakePage, Open
from recording import Program, Require, find_vizzytrace, run_vizreport

from vizreport.trace.format import Origin

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>$$x^2$$"


def open_sections(page_path: Path, open_page: Open) -> str:
    """Shows every section, and returns all that the page says."""
    page = open_page(page_path)
    for section in page.run("[...document.querySelectorAll('section.panel')].map((each) => each.id)"):
        page.show(section)
    return page.text("main")


def test_empty(page_of: MakePage, open_page: Open) -> None:
    text = open_sections(page_of(TraceBuilder().session().image().image_end().build()), open_page)
    assert "nothing was live" in text
    assert "Of what was recorded, nothing was in use at the end." in text


def test_one_event(page_of: MakePage, open_page: Open) -> None:
    data = TraceBuilder().session().image().thread().events([malloc(0x1000, 77)]).image_end().build()
    assert "77 bytes" in open_sections(page_of(data), open_page)


def test_cut(page_of: MakePage, open_page: Open) -> None:
    builder = TraceBuilder().session().image().thread()
    builder.events([malloc(0x1000 * k, 77) for k in range(1, 100)])
    text = open_sections(page_of(builder.build(end=False, index=False)[:-8]), open_page)
    assert "The trace is NOT complete" in text


def test_anomalies_are_said(page_of: MakePage, open_page: Open) -> None:
    data = TraceBuilder().session().image().thread().events([free(0x1000), malloc(0x1000, 5)]).image_end().build()
    assert "1 free of an address where nothing was live" in open_sections(page_of(data), open_page)


def test_many_threads(page_of: MakePage, open_page: Open) -> None:
    builder = TraceBuilder().session().image()
    for k in range(1000):
        builder.thread(thread=k, tid=100 + k, name=b"worker")
    builder.events([malloc(0x1000 * (k + 1), 50 + k, thread=k) for k in range(1000)])
    builder.events([free(0x1000 * (k + 1), thread=999 - k) for k in range(1000)])
    assert "977 other threads" in open_sections(page_of(builder.image_end().build()), open_page)


def test_several_processes(page_of: MakePage, open_page: Open) -> None:
    builder = TraceBuilder().session().image(0, pid=100).image(1, pid=101, parent=0, origin=Origin.FORK, start_time=2)
    builder.events([malloc(0x1000, 500)], 0).events([malloc(0x2000, 900, time=5)], 1)
    data = builder.build()
    text = open_sections(page_of(data), open_page)
    assert "2 process images" in text
    assert "900 bytes" in text
    assert "500 bytes" in open_sections(page_of(data, "--pid", "100"), open_page)


def test_names_are_text(page_of: MakePage, open_page: Open) -> None:
    builder = TraceBuilder().session(host=HOSTILE, args=[HOSTILE]).image(args=(HOSTILE,))
    builder.thread(name=HOSTILE[9:24].encode())
    data = builder.events([malloc(0x1000, 77)]).image_end().build()
    page = open_page(page_of(data, "--title", HOSTILE, "--note", HOSTILE))
    page.show("threads")
    assert HOSTILE in page.text("h1")
    assert page.run("window.hacked") is None
    assert page.run("document.querySelectorAll('main img').length") == 0


def test_function_names_are_text(
    page_of: MakePage, open_page: Open, program: Program, require: Require, tmp_path: Path
) -> None:
    hostile = tmp_path / "hostile"
    renamed = f"remember={HOSTILE}"
    built = program("hostile_names.c")
    subprocess.run([require("objcopy", "binutils"), "--redefine-sym", renamed, built, hostile], check=True)
    trace = tmp_path / "hostile.trace"
    subprocess.run([str(find_vizzytrace()), "-q", str(trace), str(hostile)], check=True, timeout=120)
    page = open_page(page_of(trace))
    page.show("flamegraph", "vizzy.flame")
    page.show("calltree", "vizzy.table")
    page.page.fill("#calltree input[type=search]", "onerror")
    for section in ("leaks", "layout", "lifetimes"):
        page.show(section)
    assert HOSTILE in page.run("vizzy.flame.trees.frames.names")
    assert page.run("window.hacked") is None
    assert page.run("document.querySelectorAll('main img').length") == 0


DEEP = 4000


# Whether the flame graph has a colour at a place; the canvas itself is not read, which would make it slow.
PAINTED = """(() => {{
    const pen = document.createElement("canvas").getContext("2d", {{ willReadFrequently: true }});
    pen.drawImage(vizzy.flame.canvas, 100, {y}, 1, 1, 0, 0, 1, 1);
    return pen.getImageData(0, 0, 1, 1).data[3] > 0;
}})()"""


def make_deep_trace() -> bytes:
    """A recursion of thousands of frames, as `--max-depth` allows."""
    builder = TraceBuilder().session().image().module().thread()
    builder.nodes([(8 + k, 7 + k if k else 0, 0x1100 + k % 7) for k in range(DEEP)])
    return builder.events([malloc(0x1000, 77, stack=7 + DEEP)]).image_end().build()


@pytest.mark.parametrize("direction", ["icicle", "flames", "inverted"])
def test_a_deep_stack_can_be_seen(page_of: MakePage, open_page: Open, direction: str) -> None:
    page = open_page(page_of(make_deep_trace(), "--flamegraph", command="plot"))
    page.show("flamegraph", "vizzy.flame")
    page.page.check(f"input[name=direction][value={direction}]", force=True)
    assert page.run("vizzy.flame.rows") > DEEP / 2
    assert page.run("vizzy.flame.canvas.height") <= 900
    assert page.run(PAINTED.format(y=10))
    page.run("(vizzy.flame.scroller.scrollTop = 20000)")
    page.wait_for("vizzy.flame.scrolled === 20000")
    assert page.run(PAINTED.format(y=300))
    page.page.locator("#flamegraph canvas").click(position={"x": 200, "y": 300})
    page.wait_for("vizzy.flame.chosen > 900")


def test_a_name_does_not_turn_the_text_around(page_of: MakePage, open_page: Open) -> None:
    builder = TraceBuilder().session().image(args=["prog", "a\u202eb"]).module(path="/bin/ev\u202eil".encode())
    builder.thread(name="wor\u202eker".encode()[:15]).nodes([(8, 0, 0x1100)])
    data = builder.events([malloc(0x1000, 77, stack=8)]).image_end().build()
    path = page_of(data)
    text = open_sections(path, open_page)
    assert "\u202e" not in text
    assert "ev\\u202eil+0x100" in text
    assert "\u202e" not in path.read_text()


PLOTS = ["--mem-usage", "--flamegraph=leaked", "--heap-layout-time=peak", "--heatmap", "--sizes", "--tree"]


@pytest.mark.parametrize("option", PLOTS)
def test_single_plots(page_of: MakePage, open_page: Open, service_trace: Path, option: str) -> None:
    path = page_of(service_trace, option, command="plot")
    page = open_page(path)
    (section,) = page.run("[...document.querySelectorAll('section.panel')].map((each) => each.id)")
    page.show(section)
    if "leaked" in option:
        page.wait_for("vizzy.flame")
        assert page.run("vizzy.state.get('metric')") == "leaked"


def test_layout_as_text(service_trace: Path) -> None:
    text = run_vizreport("plot", str(service_trace), "--heap-layout-time", "end", "--text")
    head, *lines = text.splitlines()
    assert head.startswith("HEAP VMEM LAYOUT @")
    assert sum("- 777 (" in line and "remember_reply" in line for line in lines) == 1000
