"""The page's call trees, both ways up, equal those of `vizreport tree`: it makes both of the one that it carries."""

import itertools
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opened_page import MakePage, Open
from recording import TIMEOUT_SECONDS, Program, find_vizzytrace, run_vizreport

METRICS = ("peak", "leaked", "allocated", "count", "temporary")
Walked = dict[tuple[str, ...], tuple[int, int]]

# All paths of a tree, with total and self, of those nodes that have something.
WALK = """(() => {{
    const trees = vizzy.flame.trees;
    const tree = trees.get({inverted});
    const found = [];
    const walk = (node, path) => {{
        for (const child of tree.children(node)) {{
            if (tree.total("{metric}", child) === 0) continue;
            const below = [...path, trees.describe(tree, child).function];
            found.push([below, tree.total("{metric}", child), tree.self("{metric}", child)]);
            walk(child, below);
        }}
    }};
    walk(0, []);
    return found;
}})()"""


def read_tree(trace: Path, metric: str, *, inverted: bool) -> Walked:
    """The same from the command."""
    options = ["--inverted"] if inverted else []
    said = run_vizreport("tree", str(trace), "--json", "--min-share", "0", "--metric", metric, *options)
    nodes: list[dict[str, Any]] = json.loads(said)["processes"][0]["nodes"]
    paths: list[tuple[str, ...]] = []
    for node in nodes:
        name = node["function"] or f"{Path(node['module']).name}+{node['address']:#x}"
        paths.append((*(paths[node["parent"]] if node["parent"] is not None else ()), name))
    return {path: (node["total"], node["self"]) for path, node in zip(paths, nodes, strict=True)}


@pytest.mark.parametrize("inverted", [False, True])
def test_trees_equal_the_commands(service_trace: Path, service_page: Path, open_page: Open, inverted: bool) -> None:
    page = open_page(service_page)
    page.show("flamegraph", "vizzy.flame")
    for metric in METRICS:
        walked = page.run(WALK.format(inverted=str(inverted).lower(), metric=metric))
        expected = read_tree(service_trace, metric, inverted=inverted)
        assert {tuple(path): (total, own) for path, total, own in walked} == expected
        assert len(walked) == len(expected) > 3


def look_at_function(tree: Walked, name: str) -> tuple[int, dict[str, int], dict[str, int]]:
    """What all stacks through a function account for, by who called it first, and by whom it called: the slow twin."""
    callers: Counter[str] = Counter()
    callees: Counter[str] = Counter()
    for path, (_, own) in tree.items():
        if name not in path:
            continue
        at = path.index(name)
        callers[path[at - 1] if at else ""] += own
        called = {callee for caller, callee in itertools.pairwise(path) if caller == name}
        callees.update(dict.fromkeys(called, own))
    return callers.total(), dict(+callers), dict(+callees)


LOOK = """(() => {{
    const trees = vizzy.flame.trees;
    const frame = trees.frames.name.findIndex((_, at) => trees.describeFrame(at).function === {name});
    const seen = vizzy.lookAtFunction(trees, frame, "{metric}");
    const name = (frame) => (frame < 0 ? "" : trees.describeFrame(frame).function);
    const named = (list) => list.map(({{ frame, value }}) => [name(frame), value]);
    return [seen.total, named(seen.callers), named(seen.callees)];
}})()"""


def test_callers_and_callees(open_page: Open, page_of: MakePage, program: Program, tmp_path: Path) -> None:
    trace = tmp_path / "recursion.trace"
    command = [str(find_vizzytrace()), "-q", str(trace), str(program("mutual.c"))]
    subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
    page = open_page(page_of(trace))
    page.show("flamegraph", "vizzy.flame")
    tree = read_tree(trace, "allocated", inverted=False)
    for name in ("main", "ping", "pong", "keep", "_start"):
        total, callers, callees = look_at_function(tree, name)
        seen, *lists = page.run(LOOK.format(name=json.dumps(name), metric="allocated"))
        assert seen == total > 0
        assert [dict(each) for each in lists] == [callers, callees]


def test_callers_can_be_chosen(service_page: Path, open_page: Open) -> None:
    page = open_page(service_page)
    page.show("flamegraph", "vizzy.flame")
    name = "vizzy.flame.trees.describe(vizzy.flame.tree, node).function.includes('load_table')"
    page.run(f"vizzy.flame.choose([...vizzy.flame.boxes.keys()].find((node) => {name}))")
    assert "load_table" in page.text("#flamegraph .function h4")
    page.page.locator("#flamegraph .function table[aria-label='Called by'] button").first.click()
    assert page.text("#flamegraph .function h4") == "main"
    assert "load_table" in page.text("#flamegraph .function table[aria-label='Calls']")
