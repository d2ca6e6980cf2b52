"""Imports point one way, and foreign packages stay at the edges."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "vizreport"
FILES = sorted(PACKAGE.rglob("*.py"))

# A folder imports only from folders to its left; trace/format.py, which is only names and numbers, may be used by all.
LAYERS = ["", "model", "trace", "stream", "kernels", "symbols", "analysis", "views", "reports", "export", "live", "cli"]
FRONT_DOOR = Path("__init__.py")  # the Python API: names from everywhere
EDGES = {
    "elftools": {"symbols"},
    "click": {"cli"},
    "bokeh": {"views", "reports", "live"},
    "tornado": {"live"},
    "rich": {"live"},
    "textual": {"live"},
    "ctypes": {"kernels", "symbols"},
    "zstd": {"trace"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    folder = relative.parts[0] if len(relative.parts) > 1 else ""
    if relative == FRONT_DOOR:
        folder = LAYERS[-1]
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "vizreport":
            target = parts[1] if (PACKAGE / parts[1]).is_dir() else ""
            allowed = name.startswith("vizreport.trace.format") or LAYERS.index(target) <= LAYERS.index(folder)
            assert allowed, f"{relative} imports {name}"
        for package, folders in EDGES.items():
            assert package not in parts[:2] or folder in folders, f"{relative} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_small(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert len(path.read_text().splitlines()) <= 400
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name
