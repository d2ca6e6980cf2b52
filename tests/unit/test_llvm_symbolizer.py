"""llvm-symbolizer is found, newest first; one that does not work is an error, which the own reader makes good."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vizreport.symbols import debug_finder, llvm_symbolizer
from vizreport.symbols.debug_finder import DebugFinder
from vizreport.symbols.dwarf.lookup import DebugFrame
from vizreport.symbols.elf_file import ElfFile
from vizreport.symbols.llvm_symbolizer import LlvmFinder, LlvmSymbolizerError, find_llvm_symbolizer


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("VIZZY_LLVM_SYMBOLIZER", raising=False)
    return folder


def test_the_newest_is_found(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("llvm-symbolizer-9", "llvm-symbolizer-9999", "llvm-symbolizer", "llvm-symbolizer-x"):
        script(tools / name, "exit 0")
    assert find_llvm_symbolizer() == str(tools / "llvm-symbolizer-9999")
    monkeypatch.setenv("VIZZY_LLVM_SYMBOLIZER", "/opt/mine")
    assert find_llvm_symbolizer() == "/opt/mine"
    monkeypatch.setenv("VIZZY_LLVM_SYMBOLIZER", "")
    assert find_llvm_symbolizer() is None
    monkeypatch.delenv("VIZZY_LLVM_SYMBOLIZER")
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_llvm_symbolizer() is None


def test_its_answer_is_read(tools: Path) -> None:
    symbol = '{"FunctionName":"f","FileName":"/a.c","Line":7},{"FunctionName":"","FileName":"??","Line":0}'
    command = script(tools / "x", f"""cat >/dev/null; echo '{{"Address":"0x10","Symbol":[{symbol}]}}'""")
    assert LlvmFinder(command, Path("y")).find([16]) == {
        16: (DebugFrame("f", "/a.c", 7), DebugFrame(None, None, None)),
    }


def test_versions_are_no_part_of_a_name(tools: Path) -> None:
    """It takes outermost names from the symbol table, which appends versions in shared objects."""
    symbol = '{"FunctionName":"_ZSt4swapv@@GLIBCXX_3.4","FileName":"/a.c","Line":7}'
    command = script(tools / "x", f"""cat >/dev/null; echo '{{"Address":"0x10","Symbol":[{symbol}]}}'""")
    assert LlvmFinder(command, Path("y")).find([16]) == {16: (DebugFrame("_ZSt4swapv", "/a.c", 7),)}


BROKEN = {
    "dies": "exit 1",
    "is killed": "kill -9 $$",
    "says nothing": "cat >/dev/null",
    "says something else": "cat >/dev/null; echo '??'",
    "says it otherwise": "cat >/dev/null; echo '{\"Address\": 7}'",
    "hangs": "sleep 60",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_one_that_does_not_work(tools: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(llvm_symbolizer, "_TIMEOUT_S", 0.5)
    with pytest.raises(LlvmSymbolizerError):
        LlvmFinder(script(tools / "x", text), Path("y")).find([16])
    with pytest.raises(LlvmSymbolizerError):
        LlvmFinder(str(tools / "missing"), Path("y")).find([16])


def test_the_own_reader_makes_it_good(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, program = tmp_path / "a.c", tmp_path / "a"
    source.write_text("int main(void) { return 0; }\n")
    try:
        subprocess.run(["gcc", "-g", source, "-o", program], check=True)
    except OSError:
        pytest.skip("gcc is not installed")
    (line,) = (line for line in subprocess.check_output(["nm", program], text=True).splitlines() if " T main" in line)
    address = int(line.split()[0], 16)
    monkeypatch.setenv("VIZZY_LLVM_SYMBOLIZER", script(tools / "x", "exit 1"))
    monkeypatch.setattr(debug_finder, "LARGE_BYTES", 0)
    warnings: list[str] = []
    finder = DebugFinder(ElfFile(program), None, warnings.append)
    for _ in range(2):
        assert finder.find([address]) == {address: (DebugFrame("main", str(source), 1),)}
    (warning,) = warnings
    assert "llvm-symbolizer" in warning
