"""Every command, option and JSON field is in docs/reports.md."""

import importlib
from pathlib import Path

import click
import pytest

from vizreport.cli.main import COMMANDS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "reports.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str) -> None:
    command: click.Command = importlib.import_module(f"vizreport.cli.{name}").command
    assert f"## vizreport {name} TRACE" in TEXT
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[0]}" in TEXT, parameter.opts[0]
    assert command.name == name
