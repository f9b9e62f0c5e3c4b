"""Two processes on the same two files: the lock file queues writers, and nothing is lost or done twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.testing.builders import RETENTION_S, chain, envelope
from tbie.truth import StageState

CHILD = """
import sys
from pathlib import Path
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import RandomIds
from tbie.intent import Claim, Delete
from tbie.testing.builders import WHO, chain, key, new_item, settlement
who, folder = sys.argv[1], Path(sys.argv[2])
clock = ManualClock()
truth = SqliteTruth(folder / "truth.db", chain("a", "b"), clock, RandomIds(), synchronous="OFF")
intent = SqliteIntent(folder / "intent.db", clock, 1e9)
won = 0
for n in range(100):
    truth.add([new_item(f"{who}{n}", "own"), new_item(f"shared{n}", "both")], WHO)
    truth.commit([settlement(truth, key(f"{who}{n}", "own"), "a")])
    for message in intent.exchange((), (Claim("a", who, 1, 60.0, 3),)):
        won += 1
        intent.exchange((Delete(message),), ())
print(won)
"""


def test_processes_that_write_at_the_same_time_lose_and_repeat_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    truth = SqliteTruth(tmp_path / "truth.db", chain("a", "b"), clock, SequentialIds())
    intent = SqliteIntent(tmp_path / "intent.db", clock, RETENTION_S)
    intent.send([envelope(f"i{n}") for n in range(150)])
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, who, str(tmp_path)],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        for who in ("p", "q")
    ]
    won = []
    for child in children:
        output, _ = child.communicate(timeout=50)
        assert child.returncode == 0
        won.append(int(output))
    items = truth.items(limit=1_000)
    assert len(items) == 300, "each shared item was added once"
    own = [item for item in items if item.key.tenant == "own"]
    assert {item.stages["a"].state for item in own} == {StageState.COMPLETED}
    seqs = sorted(entry.seq for item in items for entry in truth.history(item.key))
    assert seqs == list(range(1, 501))
    assert sum(won) == 150, "each message went to one of them"
    assert truth.tally() == {
        ("both", "a", StageState.PENDING): 100,
        ("own", "a", StageState.COMPLETED): 200,
        ("own", "b", StageState.PENDING): 200,
    }
    truth.close()
    intent.close()
