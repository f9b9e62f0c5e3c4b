"""The HTTP application: liveness, readiness, metrics.

``/healthz`` needs nothing but the process; ``/readyz`` exercises what the reconciler needs; ``/metrics`` reads Truth when
it is scraped, so that a dead reconciler cannot keep its own numbers looking fresh.
"""

from __future__ import annotations

import itertools
import os
from functools import partial

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from parjanya.api.metrics import TbieCollector
from parjanya.profiles.system import System
from parjanya.views.health import check_health


def make_app(system: System) -> Starlette:
    """The application over one instance."""
    asked = itertools.count()  # two questions at once must not settle each other's probe
    registry = CollectorRegistry()
    registry.register(TbieCollector(system))

    async def healthz(_: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_: Request) -> Response:
        args = (system.workflow, system.truth, system.intent, system.clock, system.settings)
        who = f"http-{os.getpid()}-{next(asked)}"
        spare = system.profile.spare_queue
        check = partial(check_health, *args, running=True, ledger=system.ledger, who=who, spare_queue=spare)
        checks = await run_in_threadpool(check)
        ready = all(check.ok for check in checks)
        body = {"ready": ready, "checks": [check.to_json() for check in checks]}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(_: Request) -> Response:
        body = await run_in_threadpool(generate_latest, registry)
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])
