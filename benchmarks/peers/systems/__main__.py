"""``python -m benchmarks.peers.systems SITE ROLE``: one process of one system; ``versions`` as SITE lists packages."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys

from benchmarks.peers.systems.protocol import Site, System

SYSTEMS = {
    "huey": "huey_sqlite:Huey",
    "celery": "celery_redis:Celery",
    "procrastinate": "procrastinate_postgres:Procrastinate",
    "dbos": "dbos_sqlite:Dbos",
    "tbie": "tbie_embedded:Tbie",
}
ROLES = ("setup", "enqueue", "destroy", "serve", "record")


def load(name: str) -> type[System]:
    """The class of a system; importing it does not import the library it drives."""
    module, attribute = SYSTEMS[name].split(":")
    found: type[System] = getattr(importlib.import_module(f"benchmarks.peers.systems.{module}"), attribute)
    return found


def main() -> None:
    """Run one role of one system."""
    text, role = sys.argv[1:3]
    if text == "versions":
        print(json.dumps({name: importlib.metadata.version(name) for name in role.split(",")}))
        return
    if role not in ROLES:
        raise SystemExit(f"unknown role {role!r}; known are {', '.join(ROLES)}")
    site = Site.from_json(text)
    print(json.dumps(getattr(load(site.system)(site), role)()), flush=True)


if __name__ == "__main__":
    main()
