"""The ``parjanya`` program: commands are declared in the modules beside this one; errors become one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from parjanya import __version__
from parjanya.activation import ActivationError
from parjanya.cli import (
    act,
    campaign,
    curate,
    diagnose,
    doctor,
    drill,
    look,
    model,
    override,
    plan,
    policy,
    serve,
    simulate,
    truth,
)
from parjanya.cli.common import Exit, UsageError, say
from parjanya.policy import PolicyError
from parjanya.views.where import WhereError
from tbie.campaign import CampaignError
from tbie.core.errors import SettingsError, TbieError

app = App(
    name="parjanya",
    version=__version__,
    help="Judges photographs with reasons, and stays correct while things break.",
    suppress_keyboard_interrupt=False,  # an interruption has an exit code of its own here
)
app.command(curate.curate)
app.command(curate.demo)
app.command(act.ingest)
app.command(look.status)
app.command(look.images)
app.command(look.explain)
app.command(diagnose.diagnose)
app.command(campaign.replay)
app.command(campaign.regrade)
app.command(campaign.campaigns)
app.command(policy.policies)
app.command(model.models)
app.command(override.override)
app.command(act.reconcile)
app.command(act.worker)
app.command(look.healthcheck)
app.command(doctor.doctor)
app.command(curate.export)
app.command(truth.truths)
app.command(plan.plan)
app.command(serve.serve)
app.command(simulate.simulate)
app.command(drill.drill)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Never raises for anything that has words for the user."""
    try:
        result = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError:
        return Exit.USAGE
    except BrokenPipeError:
        _discard_output()
        return Exit.DONE  # somebody reads only the beginning: `parjanya images | head`
    except (UsageError, WhereError, TbieError, OSError, KeyboardInterrupt) as error:
        code, text = _in_words(error)
        say(f"parjanya: {text}")
        return code
    return int(result) if isinstance(result, int) else Exit.DONE


def _in_words(error: BaseException) -> tuple[Exit, str]:
    """Exit code and line for *error*."""
    match error:
        case UsageError() | WhereError() | SettingsError() | CampaignError() | PolicyError() | ActivationError():
            return Exit.USAGE, str(error)
        case KeyboardInterrupt():
            return Exit.NOT_WELL, "interrupted; nothing is lost, run the same command again"
        case OSError():  # whatever the machine refuses has words, and a stack of frames is not among them
            return Exit.BROKE, words(error)
        case _:
            return Exit.BROKE, str(error)


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
