"""Suppressions that valgrind generates for a program's leaks suppress the same leaks here, as they stand."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from recording import Program, Record, Require, run_vizreport


@pytest.mark.parametrize(
    ("source", "flags"), [("keeper.cpp", ("-O0",)), ("keeper.cpp", ("-O2",)), ("deep.c", ("-O2",))]
)
def test_generated_suppressions(
    record: Record, program: Program, require: Require, tmp_path: Path, source: str, flags: tuple[str, ...]
) -> None:
    valgrind = require("valgrind")
    command = program(source, *flags, output=f"{Path(source).stem}{flags[0]}")
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "GLIBCXX_FORCE_NEW": "1"}
    kinds = ["--leak-check=full", "--show-leak-kinds=all", "--gen-suppressions=all", "--num-callers=500"]
    run = subprocess.run([valgrind, *kinds, command], env=env, capture_output=True, text=True, check=True, timeout=300)
    blocks = re.findall(r"^\{\n.*?^\}\n", run.stderr, re.DOTALL | re.MULTILINE)
    (tmp_path / "generated.supp").write_text("".join(blocks))
    trace = str(record(command, env=env).trace)

    def read_leaks(*options: str) -> set[tuple[int, int]]:
        (process,) = json.loads(run_vizreport("summary", "--json", *options, trace))["processes"]
        return {(leak["bytes"], leak["blocks"]) for leak in process["leaks"]}

    # Before main, libstdc++ takes a pool for emergencies, which valgrind makes it give back.
    pool = {(72704, 1)}
    assert read_leaks() - pool
    assert read_leaks("--suppressions", str(tmp_path / "generated.supp")) <= pool
