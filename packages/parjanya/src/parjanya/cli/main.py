"""The ``parjanya`` program: commands are declared in the modules beside this one; errors become one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from parjanya import __version__
from parjanya.cli import act, curate, look, serve
from parjanya.cli.common import Exit, UsageError, say
from parjanya.views.where import WhereError
from tbie.core.errors import TbieError

app = App(
    name="parjanya", version=__version__, help="Judges photographs with reasons, and stays correct while things break."
)
app.command(curate.curate)
app.command(curate.demo)
app.command(act.ingest)
app.command(look.status)
app.command(look.images)
app.command(look.explain)
app.command(act.replay)
app.command(act.reconcile)
app.command(act.worker)
app.command(look.healthcheck)
app.command(curate.export)
app.command(serve.serve)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Never raises for anything that has words for the user."""
    try:
        result = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        return Exit.USAGE
    except (UsageError, WhereError) as error:
        say(f"parjanya: {error}")
        return Exit.USAGE
    except TbieError as error:
        say(f"parjanya: {error}")
        return Exit.BROKE
    except BrokenPipeError:
        return Exit.DONE  # somebody reads only the beginning: `parjanya images | head`
    except KeyboardInterrupt:
        say("parjanya: interrupted; nothing is lost, run the same command again")
        return Exit.NOT_WELL
    return int(result) if isinstance(result, int) else Exit.DONE


def main() -> None:
    """Entry point."""
    sys.exit(run())


if __name__ == "__main__":
    main()
