"""The command `candor`: every subcommand in one tree, every error as one line."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

import classifiers.cli
import probes.canary_cli
import probes.cli
import probes.report_cli
from classifiers.exits import ExitCode, say
from classifiers.judge import JudgeClassifier
from gateway.check_cli import check_config
from gateway.demo.cli import demo
from gateway.serve_cli import serve
from gateway.simulated.cli import simulate

app = typer.Typer(
    name="candor",
    help="The gateway that tells you when your LLM says no.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Measure how often a model refuses what it should answer, or answers what it should refuse."""
    context.obj = classifiers.cli.Openers(judge=_open_judge)


def _open_judge(text: str, variable: str | None) -> JudgeClassifier:
    from probes.judge_model import open_judge

    return open_judge(text, variable)


app.command()(serve)
app.command()(demo)
app.command()(simulate)
app.command(name="check-config")(check_config)
app.add_typer(probes.cli.probe_app, name="probe")
app.command(name="report")(probes.report_cli.report)
app.add_typer(probes.canary_cli.canary_app, name="canary")
app.command(name="classify")(classifiers.cli.classify)
app.add_typer(classifiers.cli.classifier_app, name="classifier")


def complaint(error: typer.TyperException) -> str:
    """A usage error as one line that ends in where to read on."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "candor"
    said = getattr(error, "format_message", error.__str__)()
    return f"{' '.join(said.split())} (see `{command} --help`)"


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; nothing but ``--debug`` shows a traceback."""
    try:
        outcome = typer.main.get_command(app).main(
            args=arguments, prog_name="candor", standalone_mode=False
        )
    except typer.TyperException as error:
        return _failed(complaint(error), ExitCode.USAGE)
    except (typer.Abort, KeyboardInterrupt):
        return _failed("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        return ExitCode.DONE
    except Exception as error:  # the edge of the command: whatever is left is a bug of ours
        if "--debug" in arguments:
            traceback.print_exc()
        line = " ".join(str(error).split())
        return _failed(
            f"{type(error).__name__}: {line} (a bug; `candor --debug ...` shows where)",
            ExitCode.BUG,
        )
    return outcome if isinstance(outcome, int) else ExitCode.DONE


def _failed(line: str, code: ExitCode) -> ExitCode:
    say(line)
    return code


def main() -> None:
    """Console script: exit with the code of the command line given."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
