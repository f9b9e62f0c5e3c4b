"""Messages that are wrong (incident 4), too old (incident 9b) or too many (incident 10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from parjanya.drills.aws.scene import STAGE, AwsScene
from parjanya.drills.environments import with_a_clock_ahead
from parjanya.drills.intent.misrouted import WRONG_BUCKET, construction
from parjanya.drills.shape import Drill, DrillStoppedError, one_sweep
from parjanya.profiles.running import open_reconciler
from tbie.core.finding import Boundary
from tbie.reconciler.emit import address

SWEEPS = 20
COPIES = 10
"""Messages for each row that an unguarded control plane leaves in the queue."""
SHORT_S = 60
"""The shortest retention that SQS has."""


@contextmanager
def readdress(scene: AwsScene) -> Iterator[None]:
    """A release with a wrong bucket in its configuration sends every waiting intent anew: queue and register say what it sent."""
    with scene.backlog():
        rows = scene.system.truth.open_stages(STAGE, None, 1_000)
        scene.system.intent.purge(STAGE)
        right = [address(row, scene.system.workflow, scene.system.objects.has) for row in rows]
        wrong = [one._replace(address=one.address._replace(bucket=WRONG_BUCKET)) for one in right]
        scene.system.intent.send(wrong)
        scene.injected()
        scene.measures["misrouted_messages"] = scene.waiting()
        yield
    scene.until(scene.settled, "all work settled")
    scene.require(not scene.failures(), f"stages failed for an address that was never theirs: {scene.failures()}")


@contextmanager
def a_long_weekend(scene: AwsScene) -> Iterator[None]:
    """Queues keep messages for a minute only, and nobody works for longer than that.

    Whoever works before the weekend has a clock that is behind by the retention that the settings declare, so that everything
    on record is as old afterwards as after such a weekend; the clock of the server goes on by two minutes, and SQS drops the
    messages by its own rule.
    """
    behind_s = scene.settings.retention_s + SHORT_S
    past = with_a_clock_ahead(scene.root / "before", -behind_s)
    scene.retention(SHORT_S)
    _run(scene, past, "aws", "upload", *map(str, scene.shoot))
    _run(scene, past, "reconcile", "--once")
    waited = scene.waiting()
    scene.measures["messages_before"] = waited
    scene.require(waited == len(scene.shoot), f"{waited} messages wait for {len(scene.shoot)} pictures")
    scene.server_clock(2 * SHORT_S)
    scene.measures["messages_after"] = sum(scene.counts())
    scene.require(scene.counts() == (0, 0, 0), f"SQS still has {scene.counts()} messages after their retention")
    scene.start_engine()
    scene.injected()
    yield
    scene.retention(int(scene.settings.retention_s))


def _run(scene: AwsScene, environment: Mapping[str, str], *command: str) -> None:
    ran = scene.start("-m", "parjanya.cli.main", *command, "--home", str(scene.home), environment=environment)
    scene.until(lambda: not ran.alive, f"`{' '.join(command[:2])}` before the weekend", look=False)
    if ran.popen.returncode != 0:
        raise DrillStoppedError(f"`{' '.join(command[:2])}` before the weekend: {ran.said.strip()[-300:]}")


def outage_window(scene: AwsScene) -> str:
    """`doctor` reads what the queues say: a retention that is shorter than a long weekend."""
    scene.require(not scene.guardrail("aws_outage_window"), "the guardrail complains about queues that are well")
    scene.retention(SHORT_S)
    return f"doctor: aws_outage_window: {scene.guardrail('aws_outage_window').split(';')[0]}"


@contextmanager
def emit_without_a_guard(scene: AwsScene) -> Iterator[None]:
    """First what must not swell the queue: many sweeps. Then what an unguarded control plane would have left there."""
    with scene.backlog() as waiting:
        _sweep_again_and_again(scene)
        bodies = [message["Body"] for message in scene.receive(waiting, hidden_s=0)]
        for body in bodies:
            entries = [{"Id": str(n), "MessageBody": body, "MessageGroupId": "unguarded"} for n in range(COPIES)]
            scene.clients.sqs.send_message_batch(QueueUrl=scene.url(), Entries=entries)
        scene.injected()
        scene.measures["stray_messages"] = sum(scene.counts()) - waiting
        yield
    scene.until(scene.settled, "all work settled")
    scene.until(lambda: scene.counts() == (0, 0, 0), "the strays are gone from the queue")


def _sweep_again_and_again(scene: AwsScene) -> None:
    reconciler = open_reconciler(scene.system)
    deepest = 0
    for _ in range(SWEEPS):
        reconciler.step(force_sweep=True, grace_s=0.0)
        deepest = max(deepest, sum(scene.counts()))
    reconciler.close()
    open_stages = len(scene.system.truth.open_stages(STAGE, None, 1_000))
    scene.measures |= {"sweeps": SWEEPS, "deepest_queue": deepest, "open_stages": open_stages}
    scene.require(deepest <= open_stages, f"{SWEEPS} sweeps made {deepest} messages of {open_stages} open stages")


MISROUTED_INTENT = Drill(
    "misrouted_intent",
    "4",
    "A release with a wrong bucket in its configuration sends every waiting intent anew.",
    "misrouted_intent",
    Boundary.INTENT,
    readdress,
    one_sweep(),
    guardrail=construction,
)

INTENT_EXPIRED = Drill(
    "intent_expired",
    "9b",
    "Queues keep messages for a minute, nobody works for longer than that, and SQS drops them.",
    "intent_expired",
    Boundary.INTENT,
    a_long_weekend,
    one_sweep(),
    guardrail=outage_window,
)

REPLAY_STORM = Drill(
    "replay_storm",
    "10",
    f"{SWEEPS} sweeps over a standing backlog; then {COPIES} stray messages for each one that waits.",
    "replay_storm",
    Boundary.INTENT,
    emit_without_a_guard,
    one_sweep(),
)
