"""The page's call trees, both ways up, equal those of `vizreport tree`: it makes both of the one that it carries."""

import json
from pathlib import Path
from typing import Any

import pytest
from opened_page import Open
from recording import run_vizreport

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
