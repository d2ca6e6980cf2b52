"""What a command imports, as that is most of its time on small traces. Times are measured in bench/, not tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from builders import TraceBuilder, malloc

HEAVY = ["numpy", "numpy.ma", "elftools", "bokeh", "asyncio", "subprocess", "textual", "vizreport.trace.csv_trace"]
CODE = f"""
import sys
from vizreport.cli.main import main
try:
    main()
except SystemExit:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--help"], []),
        (["nothing-like-it"], []),
        (["summary", "TRACE"], ["numpy", "elftools"]),
        (["tree", "TRACE"], ["numpy", "elftools"]),
        (["info", "TRACE"], ["numpy"]),
    ],
)
def test_imports(tmp_path: Path, arguments: list[str], allowed: list[str]) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(TraceBuilder().session().image().thread().events([malloc(16, 1)]).build())
    arguments = [str(path) if argument == "TRACE" else argument for argument in arguments]
    run = subprocess.run([sys.executable, "-c", CODE, *arguments], capture_output=True, text=True, check=False)
    imported = run.stderr.splitlines()[-1]
    assert imported.startswith("[")
    assert set(eval(imported)) <= set(allowed)
