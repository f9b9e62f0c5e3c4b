"""``diagnose``: is the system waiting because Intent is missing, or is Intent there and Execution cannot realise it?"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping
from typing import Any

from parjanya.cli.common import Common, Exit, UsageError, json_text, opened, show, show_json, show_json_line
from parjanya.cli.holders import holders, is_stopped
from parjanya.views.diagnosis import of_unopened, read_diagnosis
from tbie.core.clock import SystemClock
from tbie.core.errors import HomeError, TruthError, TruthUnavailableError
from tbie.diagnose import Diagnosis

WATCH_EVERY_S = 1.0  # faster than a person reads

PATIENCE_S = 20.0
"""How long the home may take to answer. A healthy one needs a second, on a machine full of work five; a process that was
stopped while it held a lock never lets go."""

REMAINS = ("profile.json", "truth.db", "truth.db-wal", "intent.db", "ledger.db")
"""Files of which any says that a home is, or was, here."""


def diagnose(*, watch: bool = False, common: Common | None = None) -> int:
    """What keeps work from moving: the verdict, then every finding with its evidence, its cause and the next step.

    Exits with 0 if everything that is needed could be read and nothing stands, else with 3.

    Parameters
    ----------
    watch
        Look again every second until interrupted; with --json, one line each time.
    """
    common = common or Common()
    if not any(os.path.lexists(common.root / name) for name in REMAINS):
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
    """The diagnosis of the home of *common*; one that cannot be opened, or does not answer, is diagnosed too."""
    clock = SystemClock()
    if not common.begun:
        text = f"{common.root / 'truth.db'} is missing, and the rest of the home is there; restore it before going on"
        return of_unopened(TruthUnavailableError(text), clock.now_ms())
    answers: queue.SimpleQueue[Diagnosis | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_look(common))
        except Exception as error:  # noqa: BLE001 - raised again where somebody catches it
            answers.put(error)

    # a wait for a lock cannot be given up, so it is left behind in a thread that ends with this process
    threading.Thread(target=ask, name="diagnosis", daemon=True).start()
    try:
        answer = answers.get(timeout=PATIENCE_S)
    except queue.Empty:
        return of_unopened(TruthUnavailableError(_no_answer(common)), clock.now_ms())
    if isinstance(answer, Exception):
        raise answer
    return answer


def _no_answer(common: Common) -> str:
    """That the home does not answer, and who holds it, if this machine tells."""
    held = [
        f"{name} is held by process {pid}{' (stopped)' if is_stopped(pid) else ''}"
        for name in ("truth.db.lock", "intent.db.lock", "ledger.db.lock")
        for pid in holders(common.root / name)
    ]
    text = f"{common.root} has not answered for {PATIENCE_S:g} s"
    return f"{text}: {'; '.join(held)}. Let that process go on (kill -CONT), or end it" if held else text


def _look(common: Common) -> Diagnosis:
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

SHOWN_OF_END = 200
"""How many of them are its last ones: what a dying worker said last is why it died."""


def _short(value: str) -> str:
    flat = " ".join(value.split())
    return flat if len(flat) <= SHOWN else f"{flat[: SHOWN - SHOWN_OF_END]} … {flat[-SHOWN_OF_END:]}"
