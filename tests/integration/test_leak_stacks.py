"""What real programs have in use at exit equals valgrind memcheck's leaks, call stack by call stack, to the byte.

All of valgrind's kinds of leaks summed up are what is in use at exit. Frames are compared by module and the last twelve
bits of the address, which do not depend on where a module lies.
"""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path, PurePath
from typing import Any

import pytest
from recording import Record, Require
from test_exactness import FIXED, PROGRAMS, VALGRIND, inputs, valgrind_variables

# Are used as fixtures.
__all__ = ["inputs", "valgrind_variables"]

LEAKS = [
    "--leak-check=full", "--show-leak-kinds=all", "--leak-resolution=high", "--num-callers=500",
    "--undef-value-errors=no",
    "--read-inline-info=no", "--show-below-main=yes", "--xml=yes",
]  # fmt: skip
PAGE = 1 << 12

Stack = tuple[tuple[str, int], ...]


def run_valgrind(command: list[str], env: dict[str, str], cwd: Path) -> Counter[tuple[Stack, str]]:
    """Returns bytes and blocks by call stack, without the allocation function itself."""
    log = cwd / "valgrind.xml"
    subprocess.run(
        ["valgrind", *VALGRIND, *LEAKS, f"--xml-file={log}", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        env=env,
        cwd=cwd,
        timeout=300,
    )
    sums: Counter[tuple[Stack, str]] = Counter()
    for error in ElementTree.parse(log).getroot().iter("error"):
        if not (error.findtext("kind") or "").startswith("Leak_"):
            continue
        stack = tuple(read_frame(frame) for frame in error.iter("frame") if frame.findtext("obj"))[1:]
        sums[stack, "bytes"] += read_bytes(error)
        sums[stack, "blocks"] += int(error.findtext("xwhat/leakedblocks") or 0)
    return sums


def read_frame(frame: ElementTree.Element) -> tuple[str, int]:
    """Valgrind's address is that of the call's last byte; what lies beyond _start is in no module."""
    return PurePath(frame.findtext("obj") or "").name, int(frame.findtext("ip") or "", 16) % PAGE


def read_bytes(error: ElementTree.Element) -> int:
    """What is lost with a block is reported both with it and for itself: only the block's own bytes count."""
    direct = re.search(r"\(([\d,]+) direct, [\d,]+ indirect\)", error.findtext("xwhat/text") or "")
    return int(direct[1].replace(",", "") if direct else error.findtext("xwhat/leakedbytes") or 0)


def sum_leaks(leaks: list[dict[str, Any]]) -> Counter[tuple[Stack, str]]:
    """The same of a summary."""
    sums: Counter[tuple[Stack, str]] = Counter()
    for leak in leaks:
        frames = [frame for frame in leak["stack"] if not frame["inlined"]]
        stack = tuple((PurePath(frame["module"]).name, (frame["address"] - 1) % PAGE) for frame in frames)
        sums[stack, "bytes"] += leak["bytes"]
        sums[stack, "blocks"] += leak["blocks"]
    return sums


@pytest.mark.parametrize("name", ["sort", "gawk", "sqlite3", "perl"])
def test_leaks_equal_valgrinds(
    record: Record,
    require: Require,
    inputs: Path,
    valgrind_variables: dict[str, str],
    name: str,
) -> None:
    command = [require(PROGRAMS[name][0]), *PROGRAMS[name][1:]]
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **FIXED, "PWD": str(inputs)}
    expected = run_valgrind(command, env, inputs)
    main = record(*command, env={**env, **valgrind_variables}, cwd=inputs).main
    found = sum_leaks(main.raw["leaks"])
    print(f"\n{name}: {len(expected) // 2} call stacks, {main.counts.in_use_bytes} bytes in use at exit")
    assert len(expected) > 4
    assert found == expected
    assert sum(count for (_, what), count in found.items() if what == "bytes") == main.counts.in_use_bytes
