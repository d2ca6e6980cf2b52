"""The README's program is the example that its commands, which test_guide.py runs, are about."""

import re

from recording import ROOT


def test_the_program_shown_is_the_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```c\n(.*?)```", readme, re.DOTALL)
    assert shown in (ROOT / "docs" / "examples" / "cache.c").read_text(encoding="utf-8")
