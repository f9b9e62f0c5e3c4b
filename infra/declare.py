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
from pathlib import Path
from typing import Any

from parjanya.vision.declared import Classical, Declared, OpenAI, Transformers
from parjanya.workflow import image_workflow
from tbie.core.settings import Settings
from tbie.workflow import Stage, Workflow

FILE = Path(__file__).parent / "cdk" / "declared.json"
ENGINES: dict[str, Declared] = {
    "classical": Classical(),
    "openai": OpenAI("http://model.invalid/v1", "any"),
    "transformers": Transformers("/opt/parjanya/model", "0" * 64),
}
"""One of each kind: names, pools, times and retries of the stages do not depend on which model it is."""


def declare(engine: str, settings: Settings) -> dict[str, Any]:
    """Everything that the infrastructure is made of."""
    workflow = image_workflow(ENGINES[engine])
    return {
        "format": 1,
        "engine": engine,
        "settings": {name: getattr(settings, name) for name in ("outage_window_s", "retention_s", "heartbeat_cycles")},
        "stages": [_stage(stage) for stage in workflow.stages],
        "queues": {stage.name: _queue(stage, settings) for stage in workflow.stages},
        "tables": _tables(),
        "changes": _changes(workflow),
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "pool": stage.pool,
        "max_run_s": stage.max_run_s,
        "max_receives": stage.retry.max_receives,
    }


def text(document: dict[str, Any]) -> str:
    """As it is written."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _settings(given: list[str]) -> Settings:
    values = {}
    for each in given:
        name, _, value = each.partition("=")
        kind = type(getattr(Settings(), name, None))
        if kind not in (int, float):
            raise SystemExit(f"declare.py: {name!r} is no setting; see packages/tbie/src/tbie/core/settings.py")
        values[name] = kind(value)
    return Settings(**values)


def main(arguments: list[str]) -> None:
    """Write the file."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--engine", choices=sorted(ENGINES), default="transformers")
    ask.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    ask.add_argument("--out", type=Path, default=FILE)
    asked = ask.parse_args(arguments)
    asked.out.write_text(text(declare(asked.engine, _settings(asked.set))))


# Until the stores declare these themselves.
def _queue(stage: Stage, settings: Settings) -> dict[str, Any]:
    days = 86_400
    retention_s = min(max(2 * settings.outage_window_s, days), 13 * days)
    return {
        "retention_s": int(retention_s),
        "visibility_s": int(max(60, stage.max_run_s * settings.visibility_margin_ratio)),
        "dead_retention_s": 14 * days,
        "max_receives": stage.retry.max_receives,
    }


def _tables() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "stream": "NEW_IMAGE" if name == "open" else None,
            "ttl": "gone_s" if name in ("control", "register") else None,
            "durable": name != "register",
            "partition": "pk",
            "sort": "sk",
        }
        for name in ("items", "history", "open", "control", "register")
    ]


def _changes(workflow: Workflow) -> dict[str, Any]:
    return {"kind": {"S": ["pending"]}, "stage": {"S": [stage.name for stage in workflow.stages]}}


if __name__ == "__main__":
    main(sys.argv[1:])
