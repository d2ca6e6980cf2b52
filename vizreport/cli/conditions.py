"""`--fail-if`: conditions as an option, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from vizreport.errors import ConditionMetError, VizzyError
from vizreport.model.trace import Completeness
from vizreport.reports.conditions import Condition, find_met, parse_condition
from vizreport.reports.summary import ImageSummary


def parse_conditions(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Condition, ...]:
    """Is the callback of the option; what parse_condition does not take is wrong usage."""
    try:
        return tuple(map(parse_condition, values))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def check_conditions(
    conditions: Sequence[Condition], summaries: Sequence[ImageSummary], completeness: Completeness
) -> None:
    """Raises if a condition is met, or if nobody can tell whether one is.

    Raises:
        ConditionMetError: One or more are met; the message names the first.
        VizzyError: No process was recorded, or what would meet one may be missing: no reason to report success.
    """
    if not conditions:
        return
    if all(summary.not_recorded is not None for summary in summaries):
        raise VizzyError("--fail-if: no process was recorded, so there is nothing to judge; `vizreport info` says why")
    met = list(find_met(conditions, summaries))
    if met:
        more = f" (and {len(met) - 1} more)" if len(met) > 1 else ""
        raise ConditionMetError(f"{met[0]}{more}")
    if not completeness.complete:
        raise VizzyError(
            "--fail-if: the trace is not complete, so what meets a condition may be missing; `vizreport info` says more"
        )
