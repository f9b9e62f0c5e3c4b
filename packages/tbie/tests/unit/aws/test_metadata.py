"""What an instance is told about itself, over real HTTP: sessions, notices, and everything that may come instead of an answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tbie.backends.aws.metadata import Identity, InstanceMetadata, MetadataError, Notice
from tbie.core.clock import ManualClock, SystemClock
from tbie.core.reading import Known, Unknown
from tbie.testing.aws.imds import FakeImds

TIMEOUT_S = 0.2


@pytest.fixture
def imds() -> Iterator[FakeImds]:
    with FakeImds() as fake:
        yield fake


@pytest.fixture
def metadata(imds: FakeImds) -> InstanceMetadata:
    return InstanceMetadata(ManualClock(), imds.address, TIMEOUT_S)


def test_an_instance_knows_who_it_is(metadata: InstanceMetadata) -> None:
    assert metadata.identity() == Identity(
        "i-0123456789abcdef0", "eu-central-1", "eu-central-1a", "g6.xlarge", "ami-0123456789abcdef0"
    )


def test_one_session_serves_many_reads_and_is_renewed_before_it_ends(imds: FakeImds) -> None:
    clock = ManualClock()
    metadata = InstanceMetadata(clock, imds.address, TIMEOUT_S)
    for _ in range(3):
        metadata.lifecycle()
    assert metadata.requests["/latest/api/token"] == 1
    clock.advance_ms(18_000_000)
    metadata.lifecycle()
    assert metadata.requests["/latest/api/token"] == 2


def test_a_session_that_is_refused_is_opened_anew(imds: FakeImds, metadata: InstanceMetadata) -> None:
    metadata.lifecycle()
    imds.token = "second"  # a stopped instance that was started again knows none of the old ones
    assert isinstance(metadata.lifecycle(), Known)
    assert metadata.requests["/latest/api/token"] == 2


@pytest.mark.parametrize("state", ["InService", "Warmed:Stopped", "Terminated"])
def test_the_target_state_is_told(imds: FakeImds, metadata: InstanceMetadata, state: str) -> None:
    imds.values["autoscaling/target-lifecycle-state"] = state
    reading = metadata.lifecycle()
    assert isinstance(reading, Known)
    assert reading.value == state


def test_an_instance_of_no_group_is_told_nothing_which_is_known(imds: FakeImds, metadata: InstanceMetadata) -> None:
    del imds.values["autoscaling/target-lifecycle-state"]
    reading = metadata.lifecycle()
    assert isinstance(reading, Known)
    assert reading.value is None


def test_notices_are_told_with_their_times(imds: FakeImds, metadata: InstanceMetadata) -> None:
    imds.values["spot/instance-action"] = '{"action": "terminate", "time": "2026-11-26T10:00:00Z"}'
    imds.values["events/recommendations/rebalance"] = '{"noticeTime": "2026-11-26T09:00:00Z"}'
    events = [
        {"Code": "instance-retirement", "NotBefore": "26 Nov 2026 11:00:00 GMT", "State": "active"},
        {"Code": "system-reboot", "NotBefore": "26 Nov 2026 11:00:00 GMT", "State": "completed"},
    ]
    imds.values["events/maintenance/scheduled"] = json.dumps(events)
    reading = metadata.notices()
    assert isinstance(reading, Known)
    assert reading.value == (
        Notice("interruption", "terminate", 1_795_687_200_000),
        Notice("rebalance", "rebalance", 1_795_683_600_000),
        Notice("event", "instance-retirement", 1_795_690_800_000),
    )


def test_no_notice_is_known_to_be_none(metadata: InstanceMetadata) -> None:
    reading = metadata.notices()
    assert isinstance(reading, Known)
    assert reading.value == ()


def test_a_busy_service_is_asked_a_second_time(imds: FakeImds, metadata: InstanceMetadata) -> None:
    imds.statuses = [503]
    assert isinstance(metadata.lifecycle(), Known)
    imds.statuses = [503, 503]
    reading = metadata.lifecycle()
    assert isinstance(reading, Unknown)
    assert "503" in reading.error


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spot/instance-action", "soon"),
        ("spot/instance-action", "[]"),
        ("spot/instance-action", "[" * 5_000),
        ("events/recommendations/rebalance", "7"),
        ("events/maintenance/scheduled", "{}"),
        ("events/maintenance/scheduled", b"\xff\xfe\x00"),
    ],
)
def test_a_notice_that_is_garbage_is_unknown_and_never_no_notice(
    imds: FakeImds, metadata: InstanceMetadata, name: str, text: str | bytes
) -> None:
    imds.values[name] = text
    reading = metadata.notices()
    assert isinstance(reading, Unknown)
    assert name in reading.error


@pytest.mark.parametrize("text", ["<html>", "InService; rm", "x" * 100, ""])
def test_a_state_that_is_garbage_is_unknown(imds: FakeImds, metadata: InstanceMetadata, text: str) -> None:
    imds.values["autoscaling/target-lifecycle-state"] = text
    assert isinstance(metadata.lifecycle(), Unknown)


def test_an_endless_answer_is_cut_off(imds: FakeImds, metadata: InstanceMetadata) -> None:
    imds.values["autoscaling/target-lifecycle-state"] = "x" * 100_000
    reading = metadata.lifecycle()
    assert isinstance(reading, Unknown)
    assert "more than 16384 bytes" in reading.error


def test_an_answer_that_comes_byte_by_byte_is_cut_off(imds: FakeImds) -> None:
    imds.drips = True
    metadata = InstanceMetadata(SystemClock(), imds.address, TIMEOUT_S / 2, attempts=1)
    assert isinstance(metadata.lifecycle(), Unknown)


@pytest.mark.parametrize("name", ["instance-id", "ami-id", "placement/region"])
def test_something_that_answers_in_the_place_of_the_service_is_no_instance(
    imds: FakeImds, metadata: InstanceMetadata, name: str
) -> None:
    imds.values[name] = "<html>welcome</html>"
    with pytest.raises(MetadataError, match="this is no instance of EC2, or something answers in its place"):
        metadata.identity()


def test_a_silent_service_is_given_up_in_time_and_the_hop_limit_is_named(
    imds: FakeImds, metadata: InstanceMetadata
) -> None:
    imds.silent.set()
    reading = metadata.lifecycle()
    assert isinstance(reading, Unknown)
    assert "no answer within 0.2 s; in a container the hop limit" in reading.error


def test_without_a_service_the_machine_says_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = ("127.0.0.1", free.getsockname()[1])
    with pytest.raises(MetadataError, match="ConnectionRefused"):
        InstanceMetadata(ManualClock(), address, TIMEOUT_S).identity()


def test_no_proxy_of_the_environment_is_asked(imds: FakeImds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert isinstance(InstanceMetadata(ManualClock(), imds.address, TIMEOUT_S).lifecycle(), Known)
