"""`vizreport report`."""

from __future__ import annotations

from typing import Any

import click

from vizreport.cli.pages import page_options, write_pictures
from vizreport.reports.registry import PICTURES


@click.command(name="report")
@page_options
def command(**options: Any) -> None:
    """Everything, as one HTML file for a bug ticket. TRACE may be - for standard input."""
    write_pictures(PICTURES, **options)
