"""Frames by llvm-symbolizer, where there is one: faster on large files, and it reads split DWARF.

It is asked once for many addresses and may not take for ever. Source: LLVM's manual, "llvm-symbolizer".
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vizreport.symbols.dwarf.lookup import DebugFrame, DebugFrames
from vizreport.symbols.function_table import cut_version

_VARIABLE = "VIZZY_LLVM_SYMBOLIZER"
_COMMAND = re.compile(r"llvm-symbolizer(?:-(\d+))?(?:\.exe)?")
_OPTIONS = ("--output-style=JSON", "--functions=linkage", "--no-demangle")
_TIMEOUT_S = 120


class LlvmSymbolizerError(Exception):
    """It could not be run, died, took too long, or said what can't be understood. The text says which."""


def find_llvm_symbolizer() -> str | None:
    """Returns the command that the environment names, if it is set (empty: none), else the newest version in PATH."""
    chosen = os.environ.get(_VARIABLE)
    if chosen is not None:
        return chosen or None
    found: list[tuple[int, str]] = []
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        try:
            names = os.listdir(folder) if folder else []
        except OSError:
            continue
        # One without a version may be any: those with one are preferred.
        found += [(int(m[1] or 0), str(Path(folder, name))) for name in names if (m := _COMMAND.fullmatch(name))]
    return max(found, key=lambda version_path: version_path[0])[1] if found else None


class LlvmFinder:
    """Finds frames in one file, as dwarf.lookup.FrameFinder does."""

    def __init__(self, command: str, path: Path) -> None:
        """Runs nothing yet."""
        self._command = command
        self._path = path

    def find(self, addresses: Iterable[int]) -> dict[int, DebugFrames]:
        """Returns the frames of each address, innermost first.

        Raises:
            LlvmSymbolizerError: It does not work.
        """
        asked = sorted(set(addresses))
        try:
            run = subprocess.run(
                [self._command, *_OPTIONS, f"--obj={self._path}"],
                input="".join(f"{address:#x}\n" for address in asked),
                capture_output=True,
                encoding="utf-8",
                errors="backslashreplace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LlvmSymbolizerError(f"it took longer than {_TIMEOUT_S} s") from error
        except OSError as error:
            raise LlvmSymbolizerError(f"it can't be run: {error.strerror}") from error
        if run.returncode:
            raise LlvmSymbolizerError(f"it ended with status {run.returncode}")
        try:
            answers = [json.loads(line) for line in run.stdout.splitlines()]
            frames = {int(answer["Address"], 16): _read_frames(answer["Symbol"]) for answer in answers}
        except (ValueError, KeyError, TypeError) as error:
            raise LlvmSymbolizerError("its answer can't be understood") from error
        if not frames.keys() >= set(asked):
            raise LlvmSymbolizerError("it left addresses out")
        return frames


def _read_frames(symbols: list[dict[str, Any]]) -> DebugFrames:
    frames = tuple(
        DebugFrame(_known(cut_version(symbol["FunctionName"])), _known(symbol["FileName"]), int(symbol["Line"]) or None)
        for symbol in symbols
    )
    # Without debug information it shows what the symbol table tells, which is read elsewhere.
    return () if len(frames) == 1 and frames[0].line is None and "/" not in (frames[0].file or "") else frames


def _known(text: str) -> str | None:
    return None if text in ("", "??") else text
