"""The ``parjanya`` program: commands are declared in the modules beside this one; errors become one line and an exit code."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Iterable, Sequence

from cyclopts import App, CycloptsError

from parjanya import __version__

COMMANDS = {
    "curate": "curate:curate",
    "demo": "curate:demo",
    "ingest": "act:ingest",
    "status": "look:status",
    "images": "look:images",
    "explain": "look:explain",
    "diagnose": "diagnose:diagnose",
    "replay": "campaign:replay",
    "regrade": "campaign:regrade",
    "campaign": "campaign:campaigns",
    "policy": "policy:policies",
    "model": "model:models",
    "override": "override:override",
    "reconcile": "act:reconcile",
    "worker": "act:worker",
    "healthcheck": "look:healthcheck",
    "doctor": "doctor:doctor",
    "export": "curate:export",
    "truth": "truth:truths",
    "plan": "plan:plan",
    "aws": "aws:amazon",
    "serve": "serve:serve",
    "simulate": "simulate:simulate",
    "drill": "drill:drill",
}
"""Command → the module beside this one that has it, and its name there. Imported when it is run, or helped with: most of the
time that a command takes on a small home is the import of what it uses, and none should pay for the others."""

USAGE = (
    ("parjanya.cli.common", "UsageError"),
    ("parjanya.views.where", "WhereError"),
    ("tbie.core.errors", "SettingsError"),
    ("tbie.campaign", "CampaignError"),
    ("parjanya.policy", "PolicyError"),
    ("parjanya.activation", "ActivationError"),
)
"""Errors that say that something else should be asked for: where each is, for the reason above not imported here."""

DONE, BROKE, WRONG_USE, NOT_WELL = 0, 1, 2, 3
"""As ``parjanya.cli.common.Exit``."""

app = App(
    name="parjanya",
    version=__version__,
    help="Judges photographs with reasons, and stays correct while things break.",
    suppress_keyboard_interrupt=False,  # an interruption has an exit code of its own here
)
for _name, _place in COMMANDS.items():
    app.command(f"parjanya.cli.{_place}", name=_name)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Never raises for anything that has words for the user."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        _import(COMMANDS if not given or given[0] in ("--help", "-h") else given[:1])
        result = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError:
        return WRONG_USE
    except BrokenPipeError:
        _discard_output()
        return DONE  # somebody reads only the beginning: `parjanya images | head`
    except (Exception, KeyboardInterrupt) as error:
        told = _in_words(error)
        if told is None:
            raise
        _say(f"parjanya: {told[1]}")
        return told[0]
    return int(result) if isinstance(result, int) else DONE


def _import(commands: Iterable[str]) -> None:
    """Import *commands*: the one that runs, or all, so that the list of them has the first sentence of each.

    The collector rests meanwhile: what an import makes stays, and looking for garbage among it costs a tenth of a start.
    """
    collects = gc.isenabled()
    gc.disable()
    for name in commands:
        if name in COMMANDS:
            app[name]
    if collects:
        gc.enable()


def _in_words(error: BaseException) -> tuple[int, str] | None:
    """Exit code and line for *error*; None for one that has no words for the user."""
    if isinstance(error, KeyboardInterrupt):
        return NOT_WELL, "interrupted; nothing is lost, run the same command again"
    if isinstance(error, _imported(USAGE)):
        return WRONG_USE, str(error)
    if isinstance(error, OSError):  # whatever the machine refuses has words, and a stack of frames is not among them
        return BROKE, words(error)
    return (BROKE, str(error)) if isinstance(error, _imported((("tbie.core.errors", "TbieError"),))) else None


def _imported(places: Sequence[tuple[str, str]]) -> tuple[type[BaseException], ...]:
    """The classes at *places* whose modules this process has imported: nobody can have raised the others."""
    return tuple(getattr(sys.modules[module], name) for module, name in places if module in sys.modules)


def _say(text: str) -> None:
    from parjanya.cli.common import say

    say(text)


def words(error: OSError) -> str:
    """What the machine said, about which file, and what helps."""
    about = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    said = f"{about}{(error.strerror or str(error)).lower()}"
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return f"{said}. Free space and run the same command again; nothing committed is lost." if full else said


def _discard_output() -> None:
    """Nobody reads it any more: what is still buffered must not fail a second time when the interpreter ends."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def main() -> None:
    """Entry point."""
    sys.exit(run())


if __name__ == "__main__":
    main()
