"""Write down what the program declares, for the infrastructure: stages, queues, tables. Run with the project's environment.

    ./run python infra/declare.py                          writes infra/cdk/declared.json
    ./run python infra/declare.py --engine classical --set outage_window_s=864000 --out mine.json

The CDK app runs in an environment of its own, without the libraries that stages need, so it reads this file and imports
nothing of it. Nothing is declared twice: a test fails when the file is not what the program would write now.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from parjanya.profiles.environment import CLOUD
from parjanya.vision.declared import Classical, Declared, OpenAI, Transformers
from parjanya.workflow import image_workflow
from tbie.backends.aws.bucket import ABANDONED_DAYS, Origins, cors
from tbie.backends.aws.changes import pattern
from tbie.backends.aws.groups import LAUNCH_HOOK, TERMINATE_HOOK
from tbie.backends.aws.objects import OBJECTS, UPLOADS
from tbie.backends.aws.queues import plan_queue
from tbie.backends.aws.tables import PARTITION, SCHEMA, SORT, TTL
from tbie.core.errors import SettingsError
from tbie.core.settings import Settings
from tbie.workflow import Stage

FILE = Path(__file__).parent / "cdk" / "declared.json"
ENGINES: dict[str, Declared] = {
    "classical": Classical(),
    "openai": OpenAI("http://model.invalid/v1", "any"),
    "transformers": Transformers("/opt/parjanya/model", "0" * 64),
}
"""One of each kind: names, pools, times and retries of the stages do not depend on which model it is."""


def declare(engine: str, given: Mapping[str, float] = MappingProxyType({})) -> dict[str, Any]:
    """Everything that the infrastructure is made of."""
    workflow = image_workflow(ENGINES[engine])
    chosen = {**CLOUD, **given}
    settings = Settings(**chosen)  # type: ignore[arg-type] # it checks each number itself
    return {
        "format": 1,
        "engine": engine,
        "outage_window_s": settings.outage_window_s,
        "heartbeat_cycles": settings.heartbeat_cycles,
        "settings": chosen,
        "stages": [_stage(stage, settings) for stage in workflow.stages],
        "tables": [
            {
                "name": table.name,
                "stream": table.stream,
                "ttl": TTL if table.expires else None,
                "durable": table.durable,
                "partition": PARTITION,
                "sort": SORT,
            }
            for table in SCHEMA
        ],
        "changes": pattern([stage.name for stage in workflow.stages]),
        "bucket": _bucket(),
        "hooks": {"launching": LAUNCH_HOOK, "terminating": TERMINATE_HOOK},
    }


def _stage(stage: Stage, settings: Settings) -> dict[str, Any]:
    plan = plan_queue(stage, settings)
    return {"name": stage.name, "pool": stage.pool, "max_run_s": stage.max_run_s, **asdict(plan)}


def _bucket() -> dict[str, Any]:
    (rule,) = cors(Origins(("https://any.invalid",)))["CORSRules"]
    return {
        "methods": rule["AllowedMethods"],
        "headers": rule["AllowedHeaders"],
        "exposed": rule["ExposeHeaders"],
        "preflight_s": rule["MaxAgeSeconds"],
        "abandoned_days": ABANDONED_DAYS,
        "uploads": UPLOADS,
        "objects": OBJECTS,
    }


def text(document: dict[str, Any]) -> str:
    """As it is written."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _given(texts: list[str]) -> dict[str, float]:
    values = {}
    for each in texts:
        name, _, value = each.partition("=")
        kind = type(getattr(Settings(), name, None))
        if kind not in (int, float):
            raise SystemExit(f"declare.py: {name!r} is no setting; see packages/tbie/src/tbie/core/settings.py")
        values[name] = kind(value)
    return values


def main(arguments: list[str]) -> None:
    """Write the file."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--engine", choices=sorted(ENGINES), default="transformers")
    ask.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    ask.add_argument("--out", type=Path, default=FILE)
    asked = ask.parse_args(arguments)
    try:
        asked.out.write_text(text(declare(asked.engine, _given(asked.set))))
    except SettingsError as error:
        raise SystemExit(f"declare.py: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
