"""What tests/programs/each_function.c expects in its recording, and what is there.

Recordings are CSV, which takes no time to read; only threads' names are not in there.
"""

import csv
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recording import ROOT, run_vizreport

_HOOK = re.compile(r"^VZ_(?:(ALLOC|FREE)\(\w+|(REALLOC|NEW|DELETE)\(|(OTHER)\([^,]+)(?:, )?(\w+)", re.MULTILINE)

NODE_UNWIND_GAP = 2  # as in docs/trace-format.md


def read_hooks() -> dict[str, str]:
    """The hooked functions, and of which kind they are in hooks.def: ALLOC, REALLOC, FREE, NEW, DELETE or OTHER."""
    text = (ROOT / "libtrace/record/hooks.def").read_text()
    return {match[4]: match[1] or match[2] or match[3] for match in _HOOK.finditer(text)}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One run of each_function.c.

    Attributes:
        expected: The lines it printed.
        recorded: Those of the kind that the recording justifies.
        blocks: "ADDRESS,SIZE" of all recorded events, whatever function they are of and whoever called it.
    """

    expected: frozenset[str]
    recorded: frozenset[str]
    blocks: frozenset[str]

    @property
    def is_whole(self) -> bool:
        """Whether all that was expected was recorded, as a call of that function by the program."""
        return self.expected <= self.recorded

    @property
    def has_blocks(self) -> bool:
        """Whether it was recorded, perhaps as a call by which an allocator does that function's work."""
        return {line.split(",", 1)[1] for line in self.expected} <= self.blocks


def _read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, by the names in its first line."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _read_recorded(trace: Path, events: list[dict[str, str]], program: Path) -> set[str]:
    """Events whose leaf is the program, or without a stack; gaps; modules unloaded; images ended or stopped."""
    facts = _read_rows(trace.with_suffix(".stacks.csv"))
    modules = [row for row in facts if row["record"] == "module" and row["name"] == str(program)]
    code = [range(int(row["address"], 0), int(row["end"], 0)) for row in modules]
    nodes = [row for row in facts if row["record"] == "node"]
    called_by_program = {row["id"] for row in nodes if any(int(row["address"], 0) in part for part in code)}
    recorded = {
        f"{row['function']},{row['address']},{row['size']}"
        for row in events
        if row["stack_id"] == "0" or row["stack_id"] in called_by_program
    }
    ends = {f"end,{row['detail']},{row['id']}" for row in facts if row["record"] == "image_end"}
    ends |= {f"stopped,{row['id']}" for row in facts if row["record"] == "stopped"}
    ends |= {f"gap,{row['address']}" for row in events if row["stack_id"] == str(NODE_UNWIND_GAP)}
    return recorded | ends | {"unload" for row in facts if row["record"] == "unload"}


def _read_thread_names(trace: Path) -> set[str]:
    threads = json.loads(run_vizreport("info", "--json", str(trace)))["processes"][0]["threads"]
    return {f"thread,{thread['name']}" for thread in threads}


def _gather_emitted(vizzytrace: Path, directory: Path, command: list[str | Path], env: Mapping[str, str]) -> Evidence:
    """Runs a command that records itself, and gathers how it ended."""
    library, trace = directory / "libvizzy.so", directory / "emitted.trace"
    trace.unlink(missing_ok=True)
    subprocess.run([vizzytrace, "-q", "--emit-library", library, trace], check=True, timeout=30)
    environment = {**env, "LD_PRELOAD": str(library)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=environment)
    ends = json.loads(run_vizreport("summary", "--json", str(trace)))["processes"][0]["exit"]
    return Evidence(frozenset(run.stdout.splitlines()), frozenset({f"ends,exit,{ends['status']}"}), frozenset())


def gather_evidence(
    vizzytrace: Path, directory: Path, program: Path, name: str, plugin: Path, env: Mapping[str, str] | None = None
) -> Evidence:
    """Records each_function.c, built as `program`, with one function.

    Args:
        vizzytrace: What to record with.
        directory: For the trace.
        program: The executable.
        name: The function.
        plugin: A library to load.
        env: Added to the environment.
    """
    names = name == "pthread_setname_np"
    trace = directory / ("names.trace" if names else "events.csv")
    command: list[str | Path] = [vizzytrace, "-q", trace, program, name, plugin]
    environment = {**os.environ, **(env or {})}
    if name in ("_exit", "_Exit"):
        return _gather_emitted(vizzytrace, directory, command[3:], environment)
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=environment)
    assert run.returncode == 0, run.stderr
    expected = frozenset(run.stdout.splitlines())
    if names:
        return Evidence(expected, frozenset(_read_thread_names(trace)), frozenset())
    events = _read_rows(trace)
    blocks = frozenset(f"{row['address']},{row['size']}" for row in events)
    return Evidence(expected, frozenset(_read_recorded(trace, events, program)), blocks)
