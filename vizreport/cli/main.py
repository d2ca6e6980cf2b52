"""The `vizreport` command: a group whose commands are imported when they are run, so that --help is fast."""

from __future__ import annotations

import importlib
import os
import signal
import sys

import click

from vizreport.errors import VizzyError

COMMANDS = {
    "summary": "Totals, peak, leaks by call stack, anomalies.",
    "tree": "Allocation tree by call stack.",
    "plot": "One or more plots as one HTML file.",
    "report": "Everything, as one HTML file for a bug ticket.",
    "symbolize": "Write names into the trace: reports without the binaries.",
    "info": "Processes, modules, blocks, completeness.",
    "live": "Receive streams and show them in a browser as they come.",
    "replay": "Play a recorded trace into the live view.",
    "receive": "Receive streams of vizzytrace tcp://HOST:PORT into trace files.",
}


class _LazyGroup(click.Group):
    """Loads vizreport.cli.NAME when NAME is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"vizreport.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vizzy")
def group() -> None:
    """Reports on heap traces recorded by vizzytrace."""


INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Runs the command line; what a user can mend is one line on stderr and exit status 1."""
    if sys.stdout is None:  # closed by whoever only wants the exit status
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    try:
        sys.exit(group.main(prog_name="vizreport", standalone_mode=False))
    except click.ClickException as error:
        _say(error)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(INTERRUPTED)
    except VizzyError as error:
        from vizreport.names import quote  # with numpy, which --help does without

        click.echo(f"vizreport: {quote(str(error))}", err=True)  # it may show what a file holds
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is not None:  # not of the output, which was open already: a bug
            raise
        # The reader turns its own into VizzyError: this one is of the output, a full disk for instance.
        click.echo(
            f"vizreport: standard output: can't be written: {error.strerror}; give it a place with room", err=True
        )
        sys.exit(1)


def _say(error: click.ClickException) -> None:
    """Prints what is wrong with the usage, in one line; without any arguments, the help text."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None or "\n" in error.message:
        error.show()
    else:
        message = error.format_message().rstrip(".")
        click.echo(f"vizreport: {message}; see {context.command_path} --help", err=True)
