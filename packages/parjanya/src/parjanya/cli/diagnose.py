"""``diagnose``: is the system waiting because Intent is missing, or is Intent there and Execution cannot realise it?"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from parjanya.cli.common import Common, Exit, UsageError, json_text, opened, show, show_json, show_json_line
from parjanya.views.diagnosis import of_unopened, read_diagnosis
from tbie.core.clock import SystemClock
from tbie.core.errors import HomeError, TruthError
from tbie.diagnose import Diagnosis

WATCH_EVERY_S = 1.0  # faster than a person reads


def diagnose(*, watch: bool = False, common: Common | None = None) -> int:
    """What keeps work from moving: the verdict, then every finding with its evidence, its cause and the next step.

    Exits with 0 if everything that is needed could be read and nothing stands, else with 3.

    Parameters
    ----------
    watch
        Look again every second until interrupted; with --json, one line each time.
    """
    common = common or Common()
    if not os.path.lexists(common.root / "truth.db") and not (common.root / "truth.db-wal").exists():
        raise UsageError(f"there is nothing in {common.root}: `parjanya curate FOLDER` or `ingest FOLDER` begins one")
    pause = threading.Event()  # never set: only an interrupt ends the watch
    while True:
        diagnosis = look(common)
        if common.json:
            (show_json_line if watch else show_json)(diagnosis.to_json())
        else:
            show("\n".join(lines(diagnosis)))
        if not watch:
            return Exit.DONE if diagnosis.healthy else Exit.NOT_WELL
        pause.wait(WATCH_EVERY_S)
        if not common.json:
            show()


def look(common: Common) -> Diagnosis:
    """The diagnosis of the home of *common*; a home that cannot be opened is diagnosed too."""
    try:
        with opened(common) as system:
            return read_diagnosis(
                system.home.root,
                system.workflow,
                system.truth,
                system.intent,
                system.clock,
                system.settings,
                system.ledger,
            )
    except (TruthError, HomeError) as error:
        return of_unopened(error, SystemClock().now_ms())


def lines(diagnosis: Diagnosis) -> list[str]:
    """The verdict in one sentence, then the findings, for people."""
    told = [diagnosis.summary]
    for finding in diagnosis.to_json()["findings"]:
        told += ["", *finding_lines(finding)]
    return told


def finding_lines(finding: Mapping[str, Any]) -> list[str]:
    """One finding, as JSON has it, for people."""
    state = "" if finding["state"] == "standing" else ", repaired"
    told = [f"{finding['boundary']}: {finding['code']}{state}"]
    for known in finding["evidence"]:
        value = known["value"] if isinstance(known["value"], str) else json_text(known["value"])
        age = "" if known["age_s"] is None else f", {max(known['age_s'], 0):.1f} s ago"
        told.append(f"    {known['name']}: {_short(value)}  ({known['source']}{age})")
    told.append(f"  cause: {finding['cause']}")
    told.append(f"  next:  {finding['next_step']}")
    told.append(f"  page:  {finding['docs']}")
    return told


SHOWN = 300
"""Characters of one value that are shown to people; ``--json`` has all of it."""


def _short(value: str) -> str:
    flat = " ".join(value.split())
    return flat if len(flat) <= SHOWN else f"{flat[:SHOWN]} …"
