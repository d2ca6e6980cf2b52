"""`vizreport plot`."""

from __future__ import annotations

from typing import Any

import click

from vizreport.analysis.metrics import METRICS
from vizreport.cli.moments import MomentType
from vizreport.cli.output import echo_lines
from vizreport.cli.pages import collect, page_options, write_pictures
from vizreport.reports.registry import PICTURES

_FLAMEGRAPH = "--flamegraph"
_DEFAULT_METRIC = "peak"


class PlotCommand(click.Command):
    """Takes what follows --flamegraph for its METRIC only if it is one: `plot --flamegraph TRACE` is natural."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses the arguments; click's own parser takes whatever comes next for the value."""
        following = [*args[1:], ""]
        for at, (word, after) in enumerate(zip(args, following, strict=True)):
            if word == _FLAMEGRAPH and after not in METRICS:
                args[at] = f"{_FLAMEGRAPH}={_DEFAULT_METRIC}"
        return super().parse_args(ctx, args)


@click.command(name="plot", cls=PlotCommand)
@page_options
@click.option("--heap-layout-time", "moment", type=MomentType(), metavar="T", help="The heap's layout at this time.")
@click.option("--text", "as_text", is_flag=True, help="With --heap-layout-time: print the blocks instead.")
def command(moment: int | str | None, as_text: bool, flamegraph: str | None, **options: Any) -> None:
    """One or more plots as one HTML file; memory usage over time if none is chosen. TRACE may be - for stdin."""
    chosen = {picture.name for picture in PICTURES if options.pop(picture.name, False)}
    chosen |= {"layout"} if moment is not None else set()
    chosen |= {"flamegraph"} if flamegraph is not None else set()
    if as_text:
        print_layout(moment, **options)
    else:
        pictures = [picture for picture in PICTURES if picture.name in (chosen or {"timeline"})]
        write_pictures(pictures, moment=moment, metric=flamegraph, **options)


def print_layout(moment: int | str | None, *, trace: str, **options: Any) -> None:
    """Prints the live blocks at a moment."""
    from vizreport.reports.layout_text import write_layout
    from vizreport.reports.picture_results import Need

    if moment is None:
        raise click.UsageError("--text goes with --heap-layout-time")
    sources = {name: value for name, value in options.items() if name not in ("output", "open_page", "title", "note")}
    results = collect(trace, Need.MOMENT, moment=moment, **sources)
    assert results.moment is not None
    echo_lines(write_layout(results.moment, results.image, results.stacks, results.symbolizer))


for _picture in reversed(PICTURES):
    if _picture.name == "flamegraph":
        _option = click.option(
            _picture.option,
            _picture.name,
            is_flag=False,
            flag_value=_DEFAULT_METRIC,
            type=click.Choice(list(METRICS)),
            metavar="[METRIC]",
            help=_picture.summary,
        )
    else:
        _option = click.option(_picture.option, _picture.name, is_flag=True, help=_picture.summary)
    command = _option(command)
