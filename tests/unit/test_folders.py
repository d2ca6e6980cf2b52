"""Paths of another machine, below the folder that its root was copied to."""

from __future__ import annotations

from pathlib import Path

import pytest

from vizreport.symbols import folders
from vizreport.symbols.folders import find_by_name, resolve_in_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "usr/lib/deep").mkdir(parents=True)
    (root / "usr/lib/a.so").touch()
    (root / "lib").symlink_to("usr/lib")
    (root / "opt").symlink_to("/usr")
    (root / "out").symlink_to("../../../../..")
    (root / "usr/lib/deep/b.so").symlink_to("../a.so")
    (root / "usr/lib/c.so").symlink_to("/lib/deep/b.so")
    (root / "circle").symlink_to("/circle/x")
    return root


@pytest.mark.parametrize("path", ["/usr/lib/a.so", "/lib/a.so", "/opt/lib/a.so", "/lib/deep/b.so", "/usr/lib/c.so"])
def test_links_are_those_of_the_other_machine(root: Path, path: str) -> None:
    assert resolve_in_root(root, path) == root / "usr/lib/a.so"


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/usr/../../etc/passwd", "/out/etc/passwd", "/lib/../../etc/passwd"]
)
def test_nothing_leads_out_of_it(root: Path, path: str) -> None:
    assert resolve_in_root(root, path) == root / "etc/passwd"


def test_what_is_not_there(root: Path) -> None:
    assert resolve_in_root(root, "/lib/none/x.so") == root / "usr/lib/none/x.so"
    assert root in resolve_in_root(root, "/circle/y").parents
    assert resolve_in_root(root, "/a\0b") == root / "a\0b"


def test_files_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("z/x.so", "a/b/c/x.so", "a/y.so"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "a/again").symlink_to(tmp_path)
    assert find_by_name(tmp_path, "x.so") == (tmp_path / "z/x.so", tmp_path / "a/b/c/x.so")
    assert find_by_name(tmp_path, "none") == ()
    folders._list_files.cache_clear()
    monkeypatch.setattr(folders, "_MOST_FILES", 0)
    assert len(find_by_name(tmp_path, "x.so")) <= 1
    folders._list_files.cache_clear()
