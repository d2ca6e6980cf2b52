"""`vizreport plot`."""

from __future__ import annotations

from typing import Any

import click

from vizreport.cli.pages import page_options, write_pictures
from vizreport.reports.registry import PICTURES


@click.command(name="plot")
@page_options
def command(**options: Any) -> None:
    """One or more plots as one HTML file; memory usage over time if none is chosen. TRACE may be - for stdin."""
    chosen = {picture.name for picture in PICTURES if options.pop(picture.name)} or {"timeline"}
    write_pictures([picture for picture in PICTURES if picture.name in chosen], **options)


for _picture in reversed(PICTURES):
    command = click.option(_picture.option, _picture.name, is_flag=True, help=_picture.summary)(command)
