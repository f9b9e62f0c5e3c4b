"""``python -m systems NAME ROLE SITE``: one process of one system under test."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from systems.protocol import Site, System, run_role

SYSTEMS = {
    "tbie": "tbie_sqlite:Tbie",
    "tbie-apart": "tbie_sqlite:TbieApart",
    "huey-fsync": "huey_sqlite:HueyFsync",
    "huey-default": "huey_sqlite:HueyDefault",
    "huey-nosync": "huey_sqlite:HueyNoSync",
    "celery-redis": "celery_redis:CeleryRedis",
    "taskiq-list": "taskiq_redis_broker:TaskiqList",
    "taskiq-stream": "taskiq_redis_broker:TaskiqStream",
    "pgqueuer": "pgqueuer_postgres:PgQueuerPostgres",
    "dbos-sqlite": "dbos_system:DbosSqlite",
    "dbos-postgres": "dbos_system:DbosPostgres",
}


def load(name: str) -> type[System]:
    """The class of a system; importing it does not import the library it measures."""
    module, attribute = SYSTEMS[name].split(":")
    found: type[System] = getattr(importlib.import_module(f"systems.{module}"), attribute)
    return found


def main() -> None:
    """Run one role of one system."""
    name, role, text = sys.argv[1:]
    site = json.loads(text)
    site["home"] = Path(site["home"])
    run_role(load(name)(Site(**site)), role)


if __name__ == "__main__":
    main()
