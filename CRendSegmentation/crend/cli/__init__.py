"""The command line. Exit codes: 0 done, 1 a failure of ours, 2 bad arguments or bad input, 3 of many some failed, 130
cancelled.

Only typer is imported here; every command imports what it needs when it runs, so that --help and --version are quick.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from contextlib import contextmanager, suppress

import typer

from .. import __version__
from ..errors import Cancelled, InputError, Kept, SomeFailed
from . import batch, compare, console, convert, doctor, evaluate, figure, followup, models, report, segment
from .commands import HELP, Command, Group, missing_package

DONE, FAILED, BAD_INPUT, SOME_FAILED, CANCELLED = 0, 1, 2, 3, 130

app = typer.Typer(
    name="crend",
    cls=Group,
    context_settings=HELP,
    pretty_exceptions_enable=False,
    help="Ovary and follicles in 3D ultrasound: segmentation and measurements. Research use only, not for diagnosis.",
)
app.command("segment", cls=Command)(segment.command)
app.command("batch", cls=Command)(batch.command)
app.command("convert", cls=Command)(convert.command)
app.command("compare", cls=Command)(compare.command)
app.command("figure", cls=Command)(figure.command)
app.command("followup", cls=Command)(followup.command)
app.command("evaluate", cls=Command)(evaluate.command)
app.command("report", cls=Command)(report.command)
app.command("models", cls=Command)(models.command)
app.command("doctor", cls=Command)(doctor.command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"crend {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and stop."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print warnings and errors only; may stand anywhere."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error; may stand anywhere."),
) -> None:
    pass


def main(arguments=None) -> int:
    """Run the command line with `arguments` (sys.argv without the program's name) and return the exit code.

    Whatever goes wrong is one line on stderr, with a traceback before it only when --debug is among the arguments.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug, console.SILENT = "--debug" in arguments, not {"--quiet", "-q"}.isdisjoint(arguments)
    arguments = [a for a in arguments if a not in ("--debug", "--quiet", "-q")] or ["--help"]
    if not debug:
        # Libraries' warnings would come between the user and our one line.
        warnings.simplefilter("ignore")
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal's encoding lacks is no reason to fail
            stream.reconfigure(errors="replace")
    with _ending_tidily():
        return _run(arguments, debug)


def _run(arguments: list[str], debug: bool) -> int:
    try:
        code = app(arguments, standalone_mode=False, prog_name="crend")
        if code == CANCELLED:  # what newer versions of typer make of KeyboardInterrupt
            raise KeyboardInterrupt
        return code if isinstance(code, int) else DONE
    except Kept as error:
        return _failed(str(error), CANCELLED)
    except (Cancelled, KeyboardInterrupt, typer.Abort):
        return _failed("cancelled, nothing was written.", CANCELLED)
    except SomeFailed as error:
        return _failed(str(error), SOME_FAILED, debug)
    except InputError as error:
        return _failed(str(error), BAD_INPUT, debug)
    except MemoryError:
        return _failed("not enough memory; close other programs, or use a machine with more.", FAILED, debug)
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        missing = missing_package(error) if isinstance(error, ImportError) else None
        if missing:
            return _failed(missing, BAD_INPUT, debug)
        if hasattr(error, "format_message"):  # a usage error of typer's
            command = getattr(getattr(error, "ctx", None), "command_path", None) or "crend"
            return _failed(f"{error.format_message().rstrip('.')}; see {command} --help.", getattr(error, "exit_code", BAD_INPUT))
        what = str(error).strip().splitlines()
        what = f"{type(error).__name__}: {what[0]}" if what else type(error).__name__
        return _failed(
            f"internal error ({what}). Run crend doctor, and report this with the output of --debug if it finds nothing.", FAILED, debug
        )


def _failed(message: str, code: int, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    with suppress(OSError):  # the terminal may be gone
        print("crend: " + " ".join(message.splitlines()), file=sys.stderr)
    return code


@contextmanager
def _ending_tidily():
    """Being told to stop (SIGTERM), or a terminal that is closed (SIGHUP), is as good as Ctrl-C in here: temporary files go."""

    def stop(number, frame):
        raise KeyboardInterrupt

    before = {}
    try:
        for name in ("SIGTERM", "SIGHUP"):
            # nohup has SIGHUP ignored, and that it stays.
            if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
                before[name] = signal.signal(getattr(signal, name), stop)
    except ValueError:  # not in the main thread, where somebody else is in charge of signals
        yield
        return
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
