"""Settings from the environment: ``PARJANYA_SETTINGS`` holds a JSON object of ``tbie.core.settings.Settings`` fields.

Callers: ``open_system``, so that an engine and the workers it starts, which inherit its environment, run by the same
numbers. Nobody needs it to judge images; operators and tests use it to make intervals longer or shorter.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields

from tbie.core.errors import SettingsError
from tbie.core.settings import Settings

VARIABLE = "PARJANYA_SETTINGS"

LOG_LEVEL = "PARJANYA_LOG_LEVEL"
"""From which level on workers say what they do. Set by `serve`, inherited by the workers it starts."""

PROFILE: Mapping[str, float] = {"visibility_timeout_s": 400.0, "barrier_patience_s": 600.0}
"""Where images differ from the kernel's defaults. Comparing a tenant of 100,000 images takes minutes, and so may a busy model
server for one image; and comparing a tenant that is still being taken in is work for nothing: a shoot of ten thousand takes
about as long as this patience."""


CLOUD: Mapping[str, float] = {
    **PROFILE,
    "heartbeat_interval_s": 60.0,
    "sweep_interval_s": 60.0,
    "sweep_grace_s": 30.0,
    "leader_lease_s": 200.0,
    "poll_interval_s": 1.0,
    "boot_start_budget_s": 300.0,
    "boot_register_budget_s": 300.0,
    "boot_claim_budget_s": 120.0,
    "retention_s": 10 * 86_400.0,
}
"""The same for an instance on an account, where each sign of life, each sweep and each look at a stream is paid for and a worker
is a machine that needs minutes to come. Whoever reads heartbeats must know how often they are due: everybody runs by these. A
dead letter keeps its first sending time and SQS keeps nothing for more than 14 days, so messages are kept for less."""


def from_environment(environment: Mapping[str, str] | None = None, defaults: Mapping[str, float] = PROFILE) -> Settings:
    """The settings of this instance: those of ``PARJANYA_SETTINGS``, the others as its profile has them (*defaults*).

    Raises:
        SettingsError: not a JSON object, a name that is not a setting, a value that is not a number of its kind, or
            settings that contradict each other.
    """
    text = (os.environ if environment is None else environment).get(VARIABLE, "")
    if not text.strip():
        return Settings(**defaults)  # type: ignore[arg-type]
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{VARIABLE} is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise SettingsError(f'{VARIABLE} must be a JSON object like {{"idle_exit_s": 30}}, not {text!r}')
    known = {field.name: field.default for field in fields(Settings)}
    for name, value in given.items():
        if name not in known:
            raise SettingsError(f"{VARIABLE}: there is no setting {name!r}; settings: {', '.join(known)}")
        _check(name, value, whole=isinstance(known[name], int))
    return Settings(**{**defaults, **given})


_MOST = 10**15
"""Above any number of seconds or rows that means something, and below what a float or SQLite cannot hold."""


def _check(name: str, value: object, whole: bool) -> None:
    kind = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value <= _MOST:
        wanted = "a whole number" if whole else "a number"
        raise SettingsError(f"{VARIABLE}: {name} must be {wanted} from 0, not {value!r}")
