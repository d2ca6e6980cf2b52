"""The README's example, run: its summary has the lines that the README shows, but for pids, times and addresses."""

import re
import subprocess
from pathlib import Path

from recording import ROOT, Record, Require, run_vizreport


def blank_what_varies(text: str) -> list[str]:
    """The lines before the call stacks, blanked where runs and machines differ."""
    head = text.split("LEAKS")[0]
    return re.sub(r"pid \d+|after [\d.]+ m?s|process +: \S+", "*", head).split("\n")


def test_the_program_shown_is_the_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```c\n(.*?)```", readme, re.DOTALL)
    assert shown in (ROOT / "docs" / "examples" / "cache.c").read_text(encoding="utf-8")


def test_the_example_gives_what_the_readme_shows(record: Record, require: Require, tmp_path: Path) -> None:
    program = tmp_path / "cache"
    subprocess.run(
        [require("gcc"), "-O2", "-rdynamic", ROOT / "docs" / "examples" / "cache.c", "-o", program], check=True
    )
    recording = record(program)
    shown = (ROOT / "README.md").read_text(encoding="utf-8").split("$ vizreport summary cache.trace\n")[1]
    assert blank_what_varies(run_vizreport("summary", str(recording.trace))) == blank_what_varies(shown)
