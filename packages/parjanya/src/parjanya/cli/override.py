"""The command by which a person decides about one image: written into Truth, applied wherever verdicts are read."""

from __future__ import annotations

from typing import Any, Literal

from parjanya.cli.act import person
from parjanya.cli.common import Common, Exit, UsageError, opened, say, show, show_json
from parjanya.cli.look import find
from parjanya.views.overrides import REASON_MAX, Decided, decide
from parjanya.views.records import record


def override(
    image: str,
    verdict: Literal["keep", "reject"] | None = None,
    /,
    *,
    reason: str,
    clear: bool = False,
    tenant: str = "default",
    common: Common | None = None,
) -> int:
    """Decide about one image yourself. It holds whatever a policy says, and survives every re-run.

    Parameters
    ----------
    image
        Its id, the beginning of its id, or the path of its file.
    verdict
        What you decide.
    reason
        Why; it is shown wherever the verdict is.
    clear
        Take back what was decided; the policy's verdict holds again.
    tenant
        Whose image it is.
    """
    common = common or Common()
    if (verdict is None) is not clear:
        raise UsageError("say keep or reject, or --clear to take back what was decided; one of the two")
    why = one_line(reason)
    with opened(common) as system:
        item = find(system, tenant, image)
        decided = decide(system.truth, item, verdict, why, person(), system.clock.now_ms())
        told = _told(decided)
        shown = record(item, system.workflow, system.objects, decided.now).to_json()
    if common.json:
        show_json({"image": shown, **told})
        return Exit.DONE
    was = f"the policy says {shown['policy_verdict'] or 'nothing yet'}"
    if clear:
        show(f"{shown['path']}: {was} again")
        if not decided.earlier:
            say("nobody had decided about it")
    else:
        show(f"{shown['path']}: {verdict}; {was}")
    return Exit.DONE


def one_line(text: str) -> str:
    """*text* as a reason: one line that every terminal, table and sidecar can hold.

    Raises:
        UsageError: it is empty, or too long.
    """
    if len(text) > REASON_MAX * 4:
        raise UsageError(f"a reason has at most {REASON_MAX} characters, not {len(text)}")
    line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in " ".join(text.split()))
    if not line or len(line) > REASON_MAX:
        raise UsageError(f"a reason has 1 to {REASON_MAX} characters, not {len(line)}")
    return line


def _told(decided: Decided) -> dict[str, Any]:
    return {
        "decision": decided.now.to_json(),
        "earlier": [one.to_json() for one in decided.earlier],
        "forgotten": decided.forgotten,
    }
