"""Commands that only look: status, images, explain, healthcheck."""

from __future__ import annotations

import os
import threading
from typing import Any

from parjanya.catalog.items import item_id
from parjanya.catalog.paths import path_to_key
from parjanya.cli.common import (
    Common,
    Exit,
    UsageError,
    check_tenant,
    opened,
    show,
    show_json,
    show_json_array,
    show_json_line,
)
from parjanya.cli.diagnose import finding_lines
from parjanya.cli.engine import observed_otherwise
from parjanya.profiles.system import System
from parjanya.views.campaigns import in_a_line
from parjanya.views.health import check_health
from parjanya.views.overrides import decided_about
from parjanya.views.records import record, records
from parjanya.views.status import Status, read_status
from parjanya.views.story import story
from parjanya.views.where import parse
from parjanya.vision.declared import to_json
from tbie.campaign import running
from tbie.core.keys import ItemKey
from tbie.core.reading import Known
from tbie.truth import Item

SHORTEST_ID = 4
"""Characters from which on the beginning of an id is taken for one."""
MENTIONED = 3
"""Ids named where several begin in the same way."""
WATCH_EVERY_S = 1.0  # faster than a person reads


def status(*, watch: bool = False, common: Common | None = None) -> int:
    """What is open, what is queued, what is missing between the two, who works, and since when.

    Parameters
    ----------
    watch
        Look again every second until interrupted.
    """
    common = common or Common()
    pause = threading.Event()  # never set: only an interrupt ends the watch
    with opened(common) as system:
        while True:
            found = read_status(
                system.workflow, system.truth, system.intent, system.workers(), system.clock, system.settings
            )
            older = observed_otherwise(system)
            if common.json:
                engine = {"declared": to_json(system.declared), "observed_by_another": older}
                show_json(found.to_json() | {"engine": engine})
            else:
                by_another = (
                    f"; {older} images were observed by another (regrade brings them up to date)" if older else ""
                )
                lines = _lines(found, f"engine {system.declared.words()}{by_another}")
                show("\n".join([*lines, *(in_a_line(c) for c, _ in running(system.truth))]))
            if not watch:
                return (
                    Exit.NOT_WELL if found.findings or _gap(found) or _unknown(found) or _failed(found) else Exit.DONE
                )
            pause.wait(WATCH_EVERY_S)
            show()


def _failed(found: Status) -> bool:
    return any(stage.states["failed"] for stage in found.stages.values())


def _gap(found: Status) -> bool:
    """A gap counts against us only when it has stood longer than the stream needs."""
    return any(stage.gap and (stage.oldest_open_s or 0) > 60 for stage in found.stages.values())


def _unknown(found: Status) -> bool:
    """A reading that failed is not a good sign, even when there is no work."""
    return any(not isinstance(stage.queue, Known) for stage in found.stages.values())


_HEAD = (
    f"{'stage':12} {'waiting':>8} {'pending':>8} {'done':>8} {'failed':>7} {'queued':>7} {'in flight':>9} {'gap':>5}"
)


def _lines(found: Status, engine: str) -> list[str]:
    lines = [_HEAD]
    for name, stage in found.stages.items():
        depth = stage.queue.value if isinstance(stage.queue, Known) else None
        queued = "?" if depth is None else str(depth.visible + depth.delayed)
        flight = "?" if depth is None else str(depth.in_flight)
        gap = "?" if stage.gap is None else str(stage.gap)
        states = stage.states
        done = states["completed"] + states["skipped"]
        lines.append(
            f"{name:12} {states['waiting']:8} {states['pending']:8} {done:8}"
            f" {states['failed']:7} {queued:>7} {flight:>9} {gap:>5}"
        )
    lines.append(engine)
    age = "never" if found.heartbeat_age_s is None else f"{found.heartbeat_age_s:.1f} s ago"
    lines.append(
        f"workers {len(found.workers)}; reconciler's last heartbeat: {age}; tenants: {', '.join(found.tenants) or 'none'}"
    )
    lines += [f"decided by people: {count} images of {tenant}" for tenant, count in found.overridden.items()]
    lines += [f"{worker}: {doing}" for worker, doing in found.workers.items()]
    lines += [f"{f.boundary.value}: {f.code}. {f.next_step}" for f in found.findings]
    return lines


def images(*, where: str | None = None, tenant: str | None = None, common: Common | None = None) -> int:
    """Every image with its verdict and reasons: one JSON object a line, or one array with --json.

    Parameters
    ----------
    where
        Only those for which this holds, e.g. 'verdict == "reject" and scores.sharpness < 0.3'.
    tenant
        Only this tenant's.
    """
    common = common or Common()
    selected = parse(where) if where is not None else lambda _: True
    if tenant is not None:
        check_tenant(tenant)
    with opened(common) as system:
        found = (r.to_json() for r in records(system.truth, system.workflow, system.objects, tenant) if selected(r))
        if common.json:
            show_json_array(found)
        else:
            for image in found:
                show_json_line(image)
    return Exit.DONE


def explain(item: str, /, *, tenant: str = "default", common: Common | None = None) -> int:
    """One image: its state, what it waits for and why, what happened so far, what would move it.

    Parameters
    ----------
    item
        Its id, or the path of its file.
    tenant
        Whose image it is.
    """
    common = common or Common()
    with opened(common) as system:
        found = find(system, tenant, item)
        told = story(found, system.workflow, system.truth, system.intent, system.clock, system.settings, system.ledger)
        decided = decided_about(system.truth, found.key)
        image = record(found, system.workflow, system.objects, decided.now if decided else None).to_json()
        said = [one.to_json() for one in (*decided.earlier, decided.now)] if decided else []
    told["people"] = said
    if common.json:
        show_json({"image": image, **told})
    else:
        _tell(told, image)
    return Exit.DONE


def find(system: System, tenant: str, name: str) -> Item:
    """The item of that id or path, or of the only id that begins so.

    Raises:
        UsageError: there is none, or several ids begin so.
    """
    path = os.path.abspath(name)  # noqa: PTH100 - as the walk does: ".." goes, links stay
    names = [item_id(path_to_key(path)), *([name] if name.isprintable() else [])]
    candidates = [ItemKey(check_tenant(tenant), known) for known in names]
    for found in system.truth.get(candidates):
        if found is not None:
            return found
    if len(name) >= SHORTEST_ID and name.isprintable():
        following = system.truth.items(tenant, ItemKey(tenant, name), MENTIONED + 1)
        begins = [item for item in following if item.key.item.startswith(name)]
        if len(begins) == 1:
            return begins[0]
        if begins:
            some = ", ".join(item.key.item for item in begins[:MENTIONED])
            more = " and more" if len(begins) > MENTIONED else ""
            raise UsageError(f"the ids of several images of tenant {tenant!r} begin with {name!r}: {some}{more}")
    raise UsageError(f"tenant {tenant!r} has no image {name!r}; `parjanya images` lists them")


def _tell(told: dict[str, Any], image: dict[str, Any]) -> None:
    show(f"{image['path']}")
    show(f"  id {told['id']}, tenant {told['tenant']}: {image['status']}, verdict {image['verdict'] or 'none yet'}")
    for reason in image["reasons"]:
        show(f"    {reason['code']}: {reason['text']}")
    for line in _by_people(told["people"], image):
        show(line)
    show("stages")
    for stage in told["stages"]:
        extra = "; ".join(f"{key}: {stage[key]}" for key in ("why", "moves") if stage.get(key))
        show(f"  {stage['stage']:10} {stage['state']:10} {extra}")
    for finding in told["findings"]:
        for line in finding_lines(finding):
            show(line)
    if told["decisions"]:
        show("decisions")
    for made in told["decisions"]:
        if "error" in made:
            show(f"  unknown: {made['error']}")
        else:
            times = f" ({made['times']} times, last {made['last']})" if made["times"] > 1 else ""
            show(f"  {made['first']} {made['stage']}: {made['action']}, because {made['reason']}{times}")
    show("timeline")
    for line in told["timeline"]:
        show(f"  {line['at']} {line['who']}: {line['why']}")
        for change in line["changes"]:
            show(f"      {change}")


def _by_people(people: list[dict[str, Any]], image: dict[str, Any]) -> list[str]:
    """What people decided, oldest first, and that the policy differs."""
    lines = [f"    the policy says {image['policy_verdict']}"] if image["conflict"] else []
    lines += ["decided by people"] if people else []
    return lines + [f"  {one['at']} {one['who']}: {one['verdict'] or 'taken back'}. {one['reason']}" for one in people]


def healthcheck(*, common: Common | None = None) -> int:
    """Whether this instance can do its work: exercises what the reconciler needs. For containers without curl."""
    common = common or Common()
    with opened(common) as system:
        args = (system.workflow, system.truth, system.intent, system.clock, system.settings)
        spare, who = system.profile.spare_queue, str(os.getpid())
        checks = check_health(*args, ledger=system.ledger, who=who, spare_queue=spare)
    well = all(check.ok for check in checks)
    if common.json:
        show_json({"healthy": well, "checks": [check.to_json() for check in checks]})
    else:
        for check in checks:
            show(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
    return Exit.DONE if well else Exit.NOT_WELL
