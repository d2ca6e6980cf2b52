"""Every command and option is in the document about it."""

import importlib
from pathlib import Path

import click
import pytest

from vizreport.cli.main import COMMANDS

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXT = "".join((DOCS / name).read_text() for name in ("reports.md", "remote.md"))


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str) -> None:
    command: click.Command = importlib.import_module(f"vizreport.cli.{name}").command
    assert f"\n## vizreport {name}" in TEXT
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[0]}" in TEXT, parameter.opts[0]
    assert command.name == name
