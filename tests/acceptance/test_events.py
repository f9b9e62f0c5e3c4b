"""Events: one decision followed from the stream record to the row, through real processes; nothing said twice or for nothing."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

from product import DONE, QUICK, Product, Running, kill, picture, pictures

SETTINGS = {**QUICK, "idle_exit_s": 1.0}


def serve(product: Product, *arguments: str) -> Running:
    run = product.start("serve", "--port", "0", *arguments, settings=SETTINGS)
    run.until(lambda: "http://" in run.err)
    return run


def stop(run: Running) -> str:
    run.signal(signal.SIGTERM)
    return run.finish(DONE, timeout_s=20).err


def kept(product: Product) -> list[dict[str, Any]]:
    """Every event that the processes of this home kept."""
    path = product.home / "logs" / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_one_decision_id_leads_from_the_stream_record_to_the_row(product: Product) -> None:
    run = serve(product, "--log-level", "debug", "--log-format", "json")
    picture(product.shoot / "one.jpg")
    product.look("ingest", str(product.shoot))
    run.until(lambda: product.completed() == 6)
    run.until(lambda: run.children() == [])
    said = stop(run)
    events = kept(product)
    read = next(event for event in events if event["event"] == "stream_read" and event["stage"] == "technical")
    decision = read["decision"]
    path = [(e["component"], e["event"]) for e in events if e.get("decision") == decision]
    engine = [("reconciler", event) for event in ("stream_read", "decided", "intent_sent")]
    worker = [("worker", event) for event in ("claimed", "committed")]
    assert {*engine, *worker} <= set(path)
    in_order = [engine[0], engine[2], *worker]  # when the decision is noted is not when it is carried out
    assert sorted(in_order, key=path.index) == in_order, path
    told = json.loads(product.query("SELECT after FROM history ORDER BY seq LIMIT 1")[0][0])
    assert told["technical"]["token"] == decision
    ended = product.query("SELECT after, who FROM history WHERE who LIKE 'worker:%' ORDER BY seq LIMIT 1")[0]
    assert json.loads(ended[0])["technical"]["token"] == decision
    assert json.loads(ended[0])["technical"]["state"] == "completed"
    committed = next(e for e in events if e["event"] == "committed" and e["decision"] == decision)
    assert ended[1] == f"worker:{committed['instance']}"
    on_screen = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert decision in {event.get("decision") for event in on_screen}
    assert {event["component"] for event in on_screen} == {"reconciler"}


def test_an_event_has_a_time_a_level_and_who_says_it(product: Product) -> None:
    run = serve(product, "--log-level", "info")
    pictures(product.shoot, 1)
    product.look("ingest", str(product.shoot))
    run.until(lambda: product.completed() == 6)
    run.until(lambda: run.children() == [])
    text = stop(run)
    events = kept(product)
    assert {event["level"] for event in events} <= {"info", "warning"}
    assert {"leadership", "sweep_finished", "boot"} <= {event["event"] for event in events}
    for event in events:
        assert list(event)[:5] == ["ts", "level", "event", "component", "instance"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", event["ts"])
    assert re.search(r"^\S+ info    reconciler\[\d+\] leadership role=leader epoch=\d+$", text, re.MULTILINE)


def test_nothing_is_said_while_all_is_well_and_nobody_asked(product: Product) -> None:
    run = serve(product)
    pictures(product.shoot, 2)
    product.look("ingest", str(product.shoot))
    run.until(lambda: product.completed() == 12)
    run.until(lambda: run.children() == [])
    said = [line for line in stop(run).splitlines()[1:] if line and not line.startswith("finishing the images at hand")]
    assert said == []
    assert kept(product) == []


def test_a_death_and_a_blind_pass_are_warnings(product: Product) -> None:
    run = serve(product)
    pictures(product.shoot, 3)
    product.look("ingest", str(product.shoot))
    run.until(lambda: bool(run.children()))
    for pid in run.children():
        kill(pid)
    run.until(lambda: product.completed() == 18)
    queue, aside = product.home / "intent.db", product.home / "intent.db.broken"
    for path in (queue, aside):
        path.unlink(missing_ok=True)
        (path / "full").mkdir(parents=True)
    run.until(lambda: "blind" in {event["event"] for event in kept(product)})
    for path in (queue, aside):
        (path / "full").rmdir()
        path.rmdir()
    run.until(lambda: "sighted" in {event["event"] for event in kept(product)})
    stop(run)
    events = kept(product)
    assert {event["level"] for event in events} == {"warning"}
    death = next(event for event in events if event["event"] == "death")
    assert death["reason"] == "worker_died"
    assert death["exit_status"] == -9


def test_a_hostile_file_name_stays_inside_its_event(product: Product) -> None:
    run = serve(product, "--log-level", "debug", "--log-format", "json")
    name = 'a"\n{"event": "forged"}\x1b[31m.jpg'
    picture(product.shoot / "plain.jpg").rename(product.shoot / name)
    product.look("ingest", str(product.shoot), "--tenant", "zoë {}")
    run.until(lambda: product.completed() == 6)
    said = stop(run)
    assert "forged" not in {event["event"] for event in kept(product)}
    assert "\x1b" not in said
    assert all(line.isascii() for line in Path(product.home / "logs" / "events.jsonl").read_text().splitlines())
    assert "zoë {}" in {event.get("tenant") for event in kept(product)}
