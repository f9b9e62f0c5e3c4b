"""`doctor`: every guardrail on this machine and this home; and what an engine asks of them when it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from parjanya.cli.common import Common, Exit, UsageError, say, show, show_json
from parjanya.home import Home
from parjanya.profiles.declared_profile import ProfileError, declared_profile
from parjanya.profiles.environment import PROFILE
from parjanya.profiles.examine import add_stores, surroundings, without_stores
from parjanya.profiles.system import System, open_system, settings_of
from parjanya.views.doctor import advises, all_pass, examine_all, examine_at_start, forbids, lines, report, sentence
from tbie.core.clock import SystemClock
from tbie.core.errors import GuardrailError, SettingsError, TbieError
from tbie.core.settings import Settings
from tbie.guardrails import Surroundings


def doctor(*, profile: Literal["embedded", "aws"] | None = None, common: Common | None = None) -> int:
    """Examine this machine and this home: would work be safe here? Each check was left behind by an incident.

    Works on a home in any state, also a broken one; a home that is not there yet is begun. Where a home declares the profile
    aws, what is deployed is compared with what this program declares, and permissions are tried.

    Parameters
    ----------
    profile
        What this home must be: refused if it is something else, so that a script does not examine the wrong instance.
    """
    common = common or Common()
    if profile is not None:
        _insist(Home(common.root, paths_only=True), profile)
    examined = examine_all(_look_around(common.root))
    if common.json:
        show_json(report(examined))
    else:
        show("\n".join(lines(examined)))
    return Exit.DONE if all_pass(examined) else Exit.NOT_WELL


def _insist(home: Home, profile: str) -> None:
    found = "embedded" if declared_profile(home) is None else "aws"
    if found != profile:
        raise UsageError(
            f"{home.root} is an instance of the profile {found}, not {profile}; `parjanya aws use` changes that"
        )


def _look_around(root: Path) -> Surroundings:
    refused = None
    try:
        settings = settings_of(Home(root, paths_only=True))
    except SettingsError as error:
        refused, settings = str(error), Settings(**PROFILE)  # type: ignore[arg-type]
    except ProfileError:  # which opening it says again
        settings = Settings(**PROFILE)  # type: ignore[arg-type]
    clock = SystemClock()
    home = Home(root, paths_only=True)
    try:
        home = Home(root)
        system = open_system(home, settings, clock)
    except TbieError as error:
        around = surroundings(home, settings, clock, thorough=True)
        without_stores(around, error)
    else:
        try:
            around = surroundings(home, settings, clock, thorough=True)
            add_stores(around, system)
        finally:
            system.close()
    around.refused = refused
    return around


def guard(system: System) -> None:
    """Examine what is cheap before an engine starts; what it can go on without is said once.

    Raises:
        GuardrailError: work would be unsafe here; the message names the incident.
    """
    around = surroundings(system.home, system.settings, system.clock, thorough=False)
    add_stores(around, system)
    examined = examine_at_start(around)
    for problem in forbids(examined):
        raise GuardrailError(sentence(problem))
    for problem in advises(examined):
        say(f"doctor: {sentence(problem)}")
