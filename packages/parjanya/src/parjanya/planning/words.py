"""A plan as people and programs read it."""

from __future__ import annotations

from typing import Any

from parjanya.planning.model import Cost, Need, Plan


def lines(plan: Plan) -> list[str]:
    """The plan as a table."""
    asked = plan.workload
    found = [
        f"{asked.images:,.0f} images, {asked.per_hour:,.0f} arriving in an hour, {asked.seconds_per_image:g} s of a worker each",
        f"workers: {plan.workers:,} ({plan.numbers['workers that keep up with arrivals']:,.0f} keep up with arrivals)",
        f"the stores carry {plan.per_second:,.1f} images/s ({plan.per_second * 3_600:,.0f} in an hour) while the fleet is at it",
        "a backlog of all images: " + (f"{plan.drain_hours:,.1f} h" if plan.drain_hours is not None else "never gone"),
        "",
        f"{'need':<44}{'needed':>14}{'allowed':>14}{'share':>9}  stops at",
    ]
    found += [_need(need) for need in sorted(plan.needs, key=lambda need: -(need.share or 0.0))]
    if (first := plan.binds) is not None and first.limit is not None:
        over = "binds first" if (first.share or 0) <= 1 else "does not hold"
        found += [
            "",
            f"{over}: {first.name}, {_percent(first)} of {first.limit.value:,.0f} {first.limit.unit}",
            f"  ({first.limit.source})",
            f"  then: {first.limit.then}",
        ]
    found += ["", *(f"{name}: {value:,.0f}" for name, value in plan.numbers.items())]
    found += ["", f"cost of 1,000 images, {plan.prices.region}, prices from {plan.prices.name}"]
    found += [_cost(cost) for cost in plan.per_thousand]
    found += [f"{'':2}{'together':<34}{'':>14} {sum(c.usd for c in plan.per_thousand):>12.4f} USD", "", "each month"]
    found += [_cost(cost) for cost in plan.monthly]
    bill = (*plan.per_thousand, *plan.monthly)
    weak = [cost for cost in bill if cost.price.status != "vendor"]
    if weak:
        found += [
            "",
            f"{len(weak)} of {len(plan.per_thousand) + len(plan.monthly)} prices were not read at the vendor's: check them",
        ]
    return found


def _need(need: Need) -> str:
    allowed = f"{need.allowed:,.0f}" if need.allowed is not None else "?"
    stops = f"{need.stops_at:,.0f} {need.of}" if need.stops_at is not None else ""
    return f"{need.name:<44}{need.need:>14,.1f}{allowed:>14}{_percent(need):>9}  {stops}".rstrip()


def _percent(need: Need) -> str:
    return "?" if need.share is None else f"{100 * need.share:,.1f} %"


def _cost(cost: Cost) -> str:
    return f"{'':2}{cost.name:<34}{cost.quantity:>14,.2f} {cost.usd:>12.4f} USD  ({cost.price.believed})"


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain data."""
    asked, first = plan.workload, plan.binds
    return {
        "asked": {name: getattr(asked, name) for name in asked.__slots__},
        "works": plan.works,
        "workers": plan.workers,
        "images_per_s": plan.per_second,
        "drain_hours": plan.drain_hours,
        "binds": first.name if first is not None else None,
        "needs": [_need_json(need) for need in plan.needs],
        "numbers": plan.numbers,
        "per_thousand": [_cost_json(cost) for cost in plan.per_thousand],
        "per_thousand_usd": sum(cost.usd for cost in plan.per_thousand),
        "monthly": [_cost_json(cost) for cost in plan.monthly],
        "monthly_usd": sum(cost.usd for cost in plan.monthly),
        "prices": {"region": plan.prices.region, "written": plan.prices.written, "from": plan.prices.name},
    }


def _need_json(need: Need) -> dict[str, Any]:
    told = {
        "name": need.name,
        "need": need.need,
        "allowed": need.allowed,
        "share": need.share,
        "stops_at": need.stops_at,
    }
    if need.limit is not None:
        told |= {"unit": need.limit.unit, "source": need.limit.source, "then": need.limit.then}
    return told


def _cost_json(cost: Cost) -> dict[str, Any]:
    return {"name": cost.name, "quantity": cost.quantity, "usd": cost.usd, "price": cost.price._asdict()}
