"""A module's names: kept between runs while they are true, from files of the recorded build only."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vizreport.model.places import Place, Places
from vizreport.symbols import debuginfod, name_cache
from vizreport.symbols.cache_dir import find_cache_dir, remove_oldest, write_whole
from vizreport.symbols.debuginfod import Debuginfod
from vizreport.symbols.elf_file import ElfFile
from vizreport.symbols.module_names import ModuleKey, ModuleNamer
from vizreport.symbols.name_cache import CachedNames, load_names, save_names
from vizreport.symbols.options import SymbolOptions

LATER = 1 << 62  # ns: nothing is newer
ID = bytes(range(20))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)
    return tmp_path / "cache" / "vizzy"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A program with debug information: main stands in line 2 of a.c."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    (tmp_path / "a.c").write_text("\nint main(void) { return 0; }\n")
    return make(tmp_path, "a")


def make(folder: Path, name: str, *flags: str) -> Path:
    command = ["gcc", "-g", f"-Wl,--build-id=0x{ID.hex()}", *flags, str(folder / "a.c"), "-o", str(folder / name)]
    subprocess.run(command, check=True)
    return folder / name


def find_main(path: Path) -> int:
    lines = subprocess.check_output(["nm", path], text=True).splitlines()
    return next(int(line.split()[0], 16) for line in lines if line.endswith(" T main"))


class Asked:
    """One command that asks for one address."""

    def __init__(self, path: Path, address: int, *, build_id: bytes = ID, recorded_ns: int = LATER, **options: object):
        self.warnings: list[str] = []
        chosen = SymbolOptions(**options)  # type: ignore[arg-type]
        servers = Debuginfod(self.warnings.append) if chosen.debuginfod else None
        key = ModuleKey(str(path), build_id, True, recorded_ns)
        self.places: Places = ModuleNamer(key, chosen, servers, self.warnings.append).find_places([address])[address]


def test_names_are_kept(build: Path) -> None:
    address = find_main(build)
    expected = (Place("main", str(build.parent / "a.c"), 2),)
    assert Asked(build, address).places == expected
    build.unlink()
    again = Asked(build, address)
    assert (again.places, again.warnings) == (expected, [])
    assert Asked(build, address, cache=False).places == ()


def test_a_debug_file_that_appears_is_used(build: Path, tmp_path: Path) -> None:
    address = find_main(build)
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-g", "-o", stripped, build], check=True)
    assert Asked(stripped, address).places == (Place("main"),)
    (tmp_path / ".debug").mkdir()
    shutil.copy(build, tmp_path / ".debug" / "stripped.debug")
    assert Asked(stripped, address).places == (Place("main", str(build.parent / "a.c"), 2),)
    shutil.rmtree(tmp_path / ".debug")
    assert Asked(stripped, address).places == (Place("main", str(build.parent / "a.c"), 2),)


def test_names_from_symbols_are_better_than_none(build: Path, tmp_path: Path) -> None:
    address = find_main(build)
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-g", "-o", stripped, build], check=True)
    assert Asked(stripped, address).places == (Place("main"),)
    stripped.unlink()
    (tmp_path / "stripped.debug").write_text("something else")
    asked = Asked(stripped, address)
    assert asked.places == (Place("main"),)
    assert "stripped.debug" in asked.warnings[0]


def test_another_build_gives_no_names(build: Path) -> None:
    asked = Asked(build, find_main(build), build_id=b"other build", cache=False)
    assert asked.places == ()
    (warning,) = asked.warnings
    assert str(build) in warning
    assert ID.hex() in warning
    assert b"other build".hex() in warning


def test_without_a_build_id_a_newer_file_gives_no_names(build: Path, tmp_path: Path) -> None:
    path = make(tmp_path, "b", "-Wl,--build-id=none")
    changed = path.stat().st_mtime_ns
    address = find_main(path)
    assert Asked(path, address, build_id=b"", recorded_ns=changed + 1).places[0].line == 2
    asked = Asked(path, address, build_id=b"", recorded_ns=changed - 1)
    assert asked.places == ()
    assert "changed since" in asked.warnings[0]


def test_files_elsewhere(build: Path, tmp_path: Path) -> None:
    address = find_main(build)
    elsewhere = tmp_path / "root" / str(build).lstrip("/")
    elsewhere.parent.mkdir(parents=True)
    build.rename(elsewhere)
    for options in (
        {"sysroot": str(tmp_path / "root")},
        {"exe": str(elsewhere)},
        {"debug_dirs": (str(elsewhere.parent),)},
    ):
        assert Asked(build, address, cache=False, **options).places[0].line == 2, options
    missing = Asked(build, address, cache=False, exe=str(tmp_path / "nowhere"))
    assert "--exe" in missing.warnings[0]


def test_files_elsewhere_that_were_not_stripped(build: Path, tmp_path: Path) -> None:
    """What an earlier report found in a stripped file is not the last word."""
    address = find_main(build)
    whole, root = tmp_path / "whole", tmp_path / "root"
    build.rename(whole)
    subprocess.run(["strip", "-g", "-o", build, whole], check=True)
    assert Asked(build, address).places == (Place("main"),)
    kept = root / str(build).lstrip("/")
    kept.parent.mkdir(parents=True)
    shutil.copy(whole, kept)
    names = tmp_path / "cache/vizzy/names"
    before = {path: path.read_bytes() for path in names.iterdir()}
    folder = tmp_path / "out/deep"
    folder.mkdir(parents=True)
    shutil.copy(whole, folder / build.name)
    for options in ({"sysroot": str(root)}, {"exe": str(whole)}, {"debug_dirs": (str(tmp_path / "out"),)}):
        for path, content in before.items():
            path.write_bytes(content)
        assert Asked(build, address, **options).places[0].line == 2, options


@pytest.mark.parametrize(
    "path", ["/" + "a" * 5000, "/a/" * 3000, "/a\0b", "/\udc80", "/proc/1/root/x", "/dev/null/x", "//"]
)
def test_a_trace_names_what_it_likes(tmp_path: Path, path: str) -> None:
    for options in ({}, {"sysroot": str(tmp_path)}, {"debug_dirs": (str(tmp_path),)}):
        asked = Asked(Path(path), 16, **options)
        assert (asked.places, asked.warnings) == ((), []), options


SOME = CachedNames({1: (Place("f", "a.c", 2),), 5: ()}, True, bytes(32), "link.debug")


def test_what_is_kept_is_read(cache: Path) -> None:
    assert load_names(ID) is None
    save_names(ID, SOME)
    assert load_names(ID) == SOME
    assert [path.name for path in (cache / "names").iterdir()] == [ID.hex()]


def test_a_damaged_cache_is_none(cache: Path) -> None:
    save_names(ID, SOME)
    path = cache / "names" / ID.hex()
    data = path.read_bytes()
    for at in range(len(data)):
        for content in (data[:at], data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]):
            path.write_bytes(content)
            kept = load_names(ID)
            assert kept is None or kept.places == SOME.places


def test_another_reader_does_not_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    save_names(ID, SOME)
    monkeypatch.setattr(name_cache, "READER_REVISION", name_cache.READER_REVISION + 1)
    assert load_names(ID) is None


def test_a_cache_that_cant_be_written_is_no_error(cache: Path) -> None:
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("not a folder")
    save_names(ID, SOME)
    assert load_names(ID) is None


def test_many_write_at_once() -> None:
    def write_and_read(k: int) -> bool:
        save_names(ID, CachedNames({k: (Place("f" * 1000, "a.c", k + 1),)}, True, bytes(32), None))
        kept = load_names(ID)
        return kept is not None and len(kept.places) == 1

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(200)))


def test_the_oldest_goes_first(tmp_path: Path) -> None:
    import os

    for k in range(5):
        write_whole(tmp_path / "c" / str(k), bytes(100))
        os.utime(tmp_path / "c" / str(k), (k, k))
    remove_oldest(tmp_path / "c", 250)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["3", "4"]


class Server:
    """A debuginfod of sorts: what it answers, and what it was asked."""

    def __init__(self, status: int, content: bytes, length: int | None = None) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content) if length is None else length))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Server]]:
    servers: list[Server] = []

    class Started(Server):
        def __init__(self, status: int, content: bytes, length: int | None = None) -> None:
            super().__init__(status, content, length)
            servers.append(self)
            monkeypatch.setenv("DEBUGINFOD_URLS", self.url)

    yield Started
    for server in servers:
        server.http.shutdown()
        server.http.server_close()


def strip(build: Path) -> Path:
    stripped = build.with_name("stripped")
    subprocess.run(["strip", "-o", stripped, build], check=True)
    return stripped


def test_a_server_has_the_debug_file(build: Path, serve: type[Server]) -> None:
    address, stripped = find_main(build), strip(build)
    server = serve(200, build.read_bytes())
    for _ in range(2):
        assert Asked(stripped, address, cache=False).places[0].line == 2
    assert server.asked == [f"/buildid/{ID.hex()}/debuginfo"]
    assert Asked(stripped, address, cache=False, debuginfod=False).places == ()


def test_a_server_does_not_have_it(build: Path, serve: type[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    address, stripped = find_main(build), strip(build)
    server = serve(404, b"")
    for _ in range(2):
        asked = Asked(stripped, address)
        assert (asked.places, asked.warnings) == ((), [])
    assert len(server.asked) == 1
    monkeypatch.setattr(debuginfod, "_MISSING_FOR_S", -1)
    assert Asked(stripped, address).places == ()
    assert len(server.asked) == 2


@pytest.mark.parametrize(("status", "length"), [(500, None), (200, 10**9)])
def test_a_server_that_is_broken(
    build: Path, serve: type[Server], cache: Path, status: int, length: int | None
) -> None:
    address, stripped = find_main(build), strip(build)
    server = serve(status, build.read_bytes(), length)
    asked = Asked(stripped, address)
    assert asked.places == ()
    assert server.url in asked.warnings[0]
    assert list((cache / "debuginfod").iterdir()) == []


def test_a_server_that_is_not_there(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address, stripped = find_main(build), strip(build)
    monkeypatch.setenv("DEBUGINFOD_URLS", "http://127.0.0.1:1 ftp://x nonsense")
    asked = Asked(stripped, address)
    assert len(asked.warnings) == 1
    assert "--no-debuginfod" in asked.warnings[0]


def test_the_cache_lies_where_the_system_has_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    for platform, folder in (("linux", ".cache/vizzy"), ("darwin", "Library/Caches/vizzy")):
        monkeypatch.setattr("sys.platform", platform)
        assert find_cache_dir() == tmp_path / folder


def test_the_build_id_is_the_one_that_was_asked_for(build: Path) -> None:
    assert ElfFile(build).build_id == ID
