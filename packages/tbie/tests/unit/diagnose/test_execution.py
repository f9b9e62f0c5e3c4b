"""Workers that do not start, hang, decline, die or stand idle beside work: each finding, and its absence."""

from __future__ import annotations

from typing import Any

import pytest

from packages.tbie.tests.unit.diagnose.scene import Scene
from tbie.core.outcome import Retry, TerminalFailure
from tbie.core.reading import Known
from tbie.intent import Defer
from tbie.testing.builders import key, settle


@pytest.fixture
def scene() -> Scene:
    """Three items whose intents were sent a moment ago, a reconciler, and nobody to work."""
    scene = Scene()
    scene.add(3)
    scene.send()
    scene.lead()
    return scene


def fleet(boots: list[list[Any]] | None = None, **more: object) -> dict[str, dict[str, object]]:
    """What a heartbeat says of the only pool."""
    return {"default": {"desired": 1, "running": 0, "busy": 0, "boots": boots or [], **more}}


def test_silence_beside_work_is_a_failed_start_after_the_budgets_and_not_before(scene: Scene) -> None:
    allowed_s = scene.settings.boot_start_budget_s + scene.settings.boot_register_budget_s
    scene.later(allowed_s)
    scene.lead(fleet=fleet())
    assert scene.codes() == []
    scene.later(1)
    scene.lead(fleet=fleet(boot_failures=1, last_boot_error="no such image tag"))
    assert scene.codes() == ["bootstrap_silence"]
    finding = scene.find("bootstrap_silence")
    assert (finding.value("desired"), finding.value("running"), finding.value("visible")) == (1, 0, 3)
    assert (finding.value("waited_s"), finding.value("budget_s")) == (allowed_s + 1, allowed_s)
    assert finding.value("last_words") == "no such image tag"
    assert scene.diagnose().verdict == "execution"


def test_work_that_has_waited_is_old_although_a_newer_tenant_is_next_in_turn(scene: Scene) -> None:
    scene.queue.purge()
    scene.add(1, tenant="t2")
    late = [row for row in scene.open() if row.key.tenant == "t2"]
    scene.send([*late, *scene.open()], note=False)
    scene.later(31)
    scene.queue.send([scene.envelope(late[0])._replace(token="anew")])  # it keeps its turn, which is the next
    assert isinstance(depth := scene.queue.depth("a"), Known)
    assert depth.value.oldest_ms == 0
    scene.lead()
    finding = scene.find("bootstrap_silence")
    assert (finding.value("visible"), finding.value("waited_s")) == (4, 31.0)


@pytest.mark.parametrize("staff", ["idle", "gone"])
def test_work_that_was_put_off_for_minutes_and_is_due_now_has_kept_nobody_waiting(scene: Scene, staff: str) -> None:
    scene.work(state="idle")
    for message in scene.claim(3):
        until_ms = scene.clock.now_ms() + 300_000
        settle(scene.truth, message.envelope.key, "a", Retry("no_network", not_before_ms=until_ms))
        scene.queue.exchange([Defer(message, until_ms)], ())
    scene.read_on()
    scene.later(301)
    scene.lead(fleet=fleet())
    if staff == "idle":
        scene.work(state="idle")
    assert scene.codes() == []
    assert scene.diagnose().verdict == "healthy"
    scene.later(61)
    scene.lead(fleet=fleet())
    if staff == "idle":
        scene.work(state="idle")
    assert scene.codes() == ["execution_stalled" if staff == "idle" else "bootstrap_silence"]


def test_a_worker_that_loads_a_model_is_not_silent_until_that_takes_too_long(scene: Scene) -> None:
    started_ms, allowed_s = scene.clock.now_ms(), scene.settings.boot_load_budget_s

    def look() -> list[str]:
        scene.lead(fleet=fleet([["w1", "registered", started_ms]]))
        scene.work(state="loading", started_ms=started_ms, done=0, claimed=0)
        return scene.codes()

    scene.later(allowed_s)
    assert look() == []
    scene.later(1)
    assert look() == ["bootstrap_silence"]


def test_workers_that_left_when_there_was_nothing_to_do_are_not_silent(scene: Scene) -> None:
    scene.work()
    for _ in range(4):
        scene.claim(3)
    scene.later(31)  # everything is in flight: nothing waits for anybody
    scene.lead()
    assert scene.codes() == []


@pytest.mark.parametrize(
    ("state", "budget"), [("requested", "boot_start_budget_s"), ("started", "boot_register_budget_s")]
)
def test_a_worker_that_hangs_on_its_way_is_named_with_the_state_it_hangs_in(
    scene: Scene, state: str, budget: str
) -> None:
    since = scene.clock.now_ms()
    allowed_s = getattr(scene.settings, budget)
    scene.later(allowed_s)
    scene.lead(fleet=fleet([["w7", state, since]]))
    assert scene.codes() == []
    scene.later(1)
    scene.lead(fleet=fleet([["w7", state, since]], last_boot_error="cannot import numpy"))
    finding = scene.find("bootstrap_silence")
    assert (finding.value("state"), finding.value("worker")) == (state, "w7")
    assert (finding.value("waited_s"), finding.value("budget_s")) == (allowed_s + 1, allowed_s)
    assert finding.value("last_words") == "cannot import numpy"


def test_a_worker_that_registered_hangs_only_while_work_is_visible(scene: Scene) -> None:
    idle: dict[str, Any] = {"state": "idle", "done": 0, "claimed": 0, "started_ms": scene.clock.now_ms()}
    scene.claim(3)
    scene.later(31)
    scene.lead()
    scene.work(**idle)
    assert scene.codes() == []
    scene.queue.purge()
    scene.send(note=False)
    scene.later(31)
    scene.lead()
    scene.work(**idle)
    assert scene.find("bootstrap_silence").value("state") == "registered"


def test_a_worker_that_was_idle_for_long_is_not_late_for_work_that_just_came(scene: Scene) -> None:
    began = scene.clock.now_ms()
    scene.queue.purge()
    scene.later(3_600)
    scene.send(note=False)
    scene.later(2)
    scene.lead()
    scene.work(state="idle", done=0, claimed=0, started_ms=began)
    assert scene.codes() == []


def test_a_worker_that_never_finishes_its_first_item_hangs_as_claimed(scene: Scene) -> None:
    began = scene.clock.now_ms()
    scene.claim(3)
    body: dict[str, Any] = {"state": "busy", "done": 0, "claimed": 3, "started_ms": began, "first_claim_ms": began}
    scene.later(60)  # the longest run, and the margin
    scene.lead()
    scene.work(**body)
    assert scene.codes() == []
    scene.later(1)
    scene.lead()
    scene.work(**body)
    assert scene.find("bootstrap_silence").value("state") == "claimed"


def test_workers_that_die_before_they_register_are_a_crash_loop_from_the_second_on(scene: Scene) -> None:
    scene.lead(fleet=fleet(boot_failures=1, last_boot_error="MemoryError"))
    assert scene.codes() == []
    scene.lead(fleet=fleet(boot_failures=2, last_boot_error="MemoryError"))
    assert scene.codes() == ["worker_crash_loop"]
    assert scene.find("worker_crash_loop").value("last_words") == "MemoryError"


def test_a_fleet_that_nobody_speaks_of_is_unknown_and_not_empty(scene: Scene) -> None:
    scene.lead(fleet={"default": {"error": "no permission to ask"}})
    assert scene.codes() == ["fleet_unreadable"]
    assert scene.diagnose().verdict == "belief"
    scene.lead()
    assert scene.codes() == []


def test_workers_that_decline_work_explain_that_nobody_works(scene: Scene) -> None:
    scene.later(100)
    scene.lead()
    scene.work(state="execution_drift", drift={"model": ["a", None]})
    assert scene.codes() == ["execution_drift"]
    assert scene.find("execution_drift").value("differences") == {"model": ["a", None]}


def test_idle_workers_beside_old_visible_work_have_stalled(scene: Scene) -> None:
    scene.later(60)
    scene.lead()
    scene.work(state="idle", done=5, claimed=5)
    assert scene.codes() == []
    scene.later(1)
    scene.lead()
    scene.work(state="idle", done=5, claimed=5)
    assert scene.codes() == ["execution_stalled"]
    assert scene.find("execution_stalled").value("visible") == 3


def test_busy_workers_beside_an_old_backlog_have_not_stalled(scene: Scene) -> None:
    scene.later(3_600)
    scene.well()
    assert scene.codes() == []


def test_messages_held_by_a_worker_that_nobody_hears_are_a_stall_once_the_longest_run_is_over(scene: Scene) -> None:
    scene.work()
    scene.queue.exchange((), ())
    held = scene.claim(3)
    for _ in range(3):
        scene.later(20)
        scene.queue.extend(held, 60.0)
        scene.lead()
    assert scene.codes() == []
    scene.later(1)
    scene.lead()
    assert scene.codes() == ["execution_stalled"]
    assert scene.find("execution_stalled").value("in_flight") == 3


def test_a_class_is_paused_as_long_as_it_has_open_work(scene: Scene) -> None:
    body = {"tenant": "t1", "stage": "a", "reason": "no_disk", "since_ms": 1, "until_ms": 2, "trips": 3, "probe": ""}
    scene.truth.write_document("pause", "p", body, None)
    scene.work()
    assert scene.codes() == ["class_paused"]
    assert scene.find("class_paused").value("reason") == "no_disk"
    assert scene.diagnose().verdict == "execution"
    scene.truth.write_document("pause", "p", {**body, "healed": True}, 1)
    assert scene.codes() == []
    scene.truth.write_document("pause", "p", {**body, "stage": "b"}, 2)
    assert scene.codes() == []


def test_a_quarantined_item_is_poison_with_its_crash_and_a_broken_file_is_not(scene: Scene) -> None:
    settle(scene.truth, key("i0001"), "a", TerminalFailure("empty_file", False))
    scene.work()
    assert scene.codes() == []
    settle(scene.truth, key("i0002"), "a", Retry("worker_died", evidence={"signal": "SIGSEGV"}), last_receive=True)
    assert scene.codes() == ["poison_item"]
    finding = scene.find("poison_item")
    assert finding.value("item") == ["t1", "i0002", "a"]
    crash = finding.value("crash")
    assert isinstance(crash, dict)
    assert crash["signal"] == "SIGSEGV"
    assert scene.diagnose().verdict == "execution"


def test_a_death_of_the_last_minutes_is_told_as_mended(scene: Scene) -> None:
    death = {"owner": "w9", "reason": "worker_died", "stage": "a", "item": "i0001", "tenant": "t1"}
    scene.work()
    scene.lead(deaths=[{**death, "at_ms": scene.clock.now_ms()}])
    assert scene.codes() == ["(worker_died)"]
    assert scene.find("worker_died").value("owner") == "w9"
    assert scene.diagnose().healthy
    scene.lead(deaths=[{**death, "at_ms": scene.clock.now_ms() - 301_000}])
    assert scene.codes() == []
