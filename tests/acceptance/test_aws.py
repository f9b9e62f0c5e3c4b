"""The aws profile as its users meet it: one command brings it up on a local server, and every other command works on it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from product import DONE, NOT_WELL, USAGE, Product, picture, pictures

from parjanya.home import Home
from parjanya.imaging.limits import Limits
from parjanya.profiles.aws import Aws
from parjanya.profiles.on_instance import run_on_instance
from parjanya.profiles.system import open_system
from parjanya.workflow import POOL
from tbie.backends.aws.instance import LEFT
from tbie.backends.aws.metadata import Identity, Notice
from tbie.core.reading import Known, Reading
from tbie.diagnose import diagnose, take
from tbie.testing.aws.needed import needed_interpreter
from tbie.truth import StageState

GOOD = 5
pytestmark = pytest.mark.timeout(300)  # processes, a server, and two engines in one test


class Instance:
    """An instance on a local server in which a shoot was judged."""

    def __init__(self, product: Product, said: Any) -> None:
        self.product, self.said = product, said

    def look(self, *arguments: str, code: int | None = DONE) -> Any:
        """A command on that instance, its JSON."""
        ran = self.product.look(*arguments, "--json", code=code)
        return ran.json

    def a_picture(self) -> str:
        return str(self.product.shoot / "img000.jpg")


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    needed_interpreter()
    product = Product(tmp_path_factory.mktemp("aws"))
    pictures(product.shoot, GOOD)
    twin = product.shoot / "ä twin!.jpg"
    twin.write_bytes((product.shoot / "img001.jpg").read_bytes())
    (product.shoot / "broken.jpg").write_bytes((product.shoot / "img002.jpg").read_bytes()[:4_000])
    (product.shoot / "empty.png").write_bytes(b"")
    try:
        product.look("aws", "up")
        yield Instance(product, product.curate(code=NOT_WELL, settings=None))
        product.look("aws", "down")
    finally:
        product.look("aws", "down", code=None)
        product.end()


def test_an_engine_takes_in_and_settles_what_it_is_given(there: Instance) -> None:
    assert there.said["ingested"]["added"] == GOOD + 3
    assert there.said["settled"]


def test_nothing_of_it_is_a_file_of_the_home_but_where_it_is_and_a_key_for_its_user_alone(there: Instance) -> None:
    files = {path.name: path.stat().st_mode & 0o777 for path in there.product.home.iterdir() if path.is_file()}
    assert sorted(files) == ["aws-credentials.json", "profile.json"]
    assert files["aws-credentials.json"] == 0o600
    assert "secret" not in (there.product.home / "profile.json").read_text()


def test_status_counts_every_stage(there: Instance) -> None:
    status = there.look("status", code=NOT_WELL)  # images that failed are told
    assert (status["open"], status["gap"], status["findings"]) == (0, 0, [])
    assert status["stages"]["technical"]["truth"]["failed"] == 2


def test_diagnosis_says_healthy(there: Instance) -> None:
    assert there.look("diagnose")["findings"] == []


def test_images_have_the_paths_and_ids_that_files_have(there: Instance) -> None:
    images = there.product.images()
    assert sorted(images) == sorted(path.name for path in there.product.shoot.iterdir())
    assert images["ä twin!.jpg"]["sha256"] == images["img001.jpg"]["sha256"]
    assert images["empty.png"]["failure"]["code"] == "empty_file"


def test_explain_tells_the_story_of_an_upload_by_its_path(there: Instance) -> None:
    told = there.look("explain", there.a_picture())
    assert told["image"]["path"] == there.a_picture()
    assert told["timeline"][0]["why"] == "ingested"
    assert {stage["state"] for stage in told["stages"]} == {"completed"}
    assert told["decisions"]


def test_doctor_and_healthcheck_find_what_the_control_plane_needs(there: Instance) -> None:
    report = there.look("doctor", code=None)
    told = {rail["name"]: rail["result"] for rail in report["guardrails"]}
    assert {name: result for name, result in told.items() if result != "pass"} == {}
    assert {"truth_writable", "intent_usable", "objects_writable", "worker_starts", "manifest"} <= told.keys()
    assert "write_ahead_log" not in told, "that is about a file which this instance does not have"
    assert there.look("healthcheck")["healthy"]


def test_uploading_again_changes_nothing_and_a_changed_file_is_the_same_image(there: Instance) -> None:
    home = there.product
    again = there.look("aws", "upload", str(home.shoot / "img003.jpg"))
    assert (again["added"], again["changed"], again["known"]) == (0, 0, 1)
    before = home.images()["img003.jpg"]
    picture(home.shoot / "img003.jpg", seed=77)
    changed = there.look("aws", "upload", str(home.shoot / "img003.jpg"))
    assert (changed["added"], changed["changed"]) == (0, 1)
    after = home.images()["img003.jpg"]
    assert (after["id"], after["status"]) == (before["id"], "pending")


def test_people_policies_and_replays_decide_as_they_do_in_an_embedded_home(there: Instance) -> None:
    home, changed = there.product, picture(there.product.shoot / "img003.jpg", seed=78)
    there.look("override", there.a_picture(), "reject", "--reason", "out of focus")
    assert home.images()["img000.jpg"]["decided_by"] == "human"
    there.look("policy", "activate", "photographic-content", "--reason", "another rule")
    assert there.look("regrade", "--dry-run")["matched"] >= GOOD
    replayed = there.look(
        "replay", "--where", 'status == "completed"', "--from", "curate", "--reason", "by another rule"
    )
    assert replayed["replayed"] >= GOOD
    assert home.curate(home.shoot, code=NOT_WELL)["settled"]
    images = home.images()
    assert images["img001.jpg"]["policy"] == images["img003.jpg"]["policy"] == "photographic-content"
    assert images["img003.jpg"]["sha256"] == hashlib.sha256(changed.read_bytes()).hexdigest()
    assert images["img000.jpg"]["verdict"] == "reject"


def test_sidecars_are_written_only_beside_files_that_are_the_very_image(there: Instance, tmp_path: Path) -> None:
    home = there.product
    here, gone = home.shoot / "img004.jpg", home.shoot / "img002.jpg"
    moved = gone.rename(tmp_path / "elsewhere.jpg")
    gone.write_bytes(b"somebody else's file of that name")
    try:
        result = there.look("export", "--xmp", "--out", str(tmp_path / "out"))
    finally:
        moved.rename(gone)
    assert result["sidecars"]["elsewhere"] == 1
    assert here.with_suffix(".xmp").exists()
    assert not gone.with_suffix(".xmp").exists()


class Machine:
    """An instance as its metadata describe it, and the calls that it made about itself."""

    def __init__(self) -> None:
        self.target = "InService"
        self.protected: list[bool] = []

    def identity(self) -> Identity:
        return Identity("i-0abc", "eu-central-1", "eu-central-1a", "g6.xlarge", "ami-0abc")

    def lifecycle(self) -> Reading[str | None]:
        return Known(self.target, "test", 0)

    def notices(self) -> Reading[tuple[Notice, ...]]:
        return Known((), "test", 0)

    def set_instance_protection(self, **asked: bool) -> None:
        self.protected.append(asked["ProtectedFromScaleIn"])

    def complete_lifecycle_action(self, **_: object) -> None:
        """Nobody waits for it."""

    record_lifecycle_action_heartbeat = complete_lifecycle_action


def test_a_worker_on_an_instance_protects_it_works_and_leaves_when_the_group_says_so(there: Instance) -> None:
    changed = picture(there.product.shoot / "img004.jpg", seed=79)
    there.look("aws", "upload", str(changed))
    assert there.look("reconcile", "--once")["sent"] == 1
    machine, system = Machine(), open_system(Home(there.product.home))
    assert isinstance(system.profile, Aws)
    sqs, queue = system.profile.clients.sqs, system.profile.clients.place.queue("technical")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody="no intent of ours")

    def idle(_: float) -> None:
        pending = [
            system.truth.tally().get(("default", name, StageState.PENDING), 0) for name in ("technical", "preview")
        ]
        machine.target = "InService" if any(pending) else "Terminated"
        threading.Event().wait(0.1)

    try:
        done, status = run_on_instance(system, POOL, Limits(), idle, print, metadata=machine, scaling=machine)
        told = diagnose(
            take(system.workflow, system.truth, system.intent, system.clock, system.settings), system.settings
        )
        (beat,) = [beat for beat in system.truth.heartbeats() if beat.instance == f"{POOL}-i-0abc"]
    finally:
        system.close()
    assert done >= 1
    assert status == LEFT
    assert machine.protected[0]
    assert beat.body["instance"] == "i-0abc"
    (refused,) = [finding for finding in told.findings if finding.code == "events_refused"]
    assert refused.value("newest") == "queue technical:not_an_intent"
    assert there.product.images()["img004.jpg"]["sha256"] == hashlib.sha256(changed.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("aws", "upload", "."), "holds an embedded instance"),
        (("aws", "compare", "."), "holds an embedded instance"),
        (("aws", "up"), "holds an embedded instance"),
        (("aws", "use", "--region", "eu-central-1", "--prefix", "ab", "--bucket", "abc"), "holds an embedded instance"),
        (("aws", "up", "--origin", "*"), "holds an embedded instance"),
    ],
)
def test_an_embedded_home_stays_one(product: Product, arguments: tuple[str, ...], words: str) -> None:
    needed_interpreter()
    open_system(Home(product.home)).close()
    ran = product.look(*arguments, code=None)
    assert ran.code in (1, USAGE)
    assert words in ran.line
    assert not (product.home / "profile.json").exists()


def test_a_place_that_is_not_there_is_not_declared(product: Product) -> None:
    needed_interpreter()
    where = ("--region", "eu-central-1", "--prefix", "ab", "--bucket", "abc", "--endpoint", "http://127.0.0.1:9")
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    ran = product.look("aws", "use", *where, code=1)
    assert "looking at table" in ran.line
    assert not (product.home / "profile.json").exists()
