"""What one image costs on its way through the AWS profile, counted. A test runs images through the real stores and compares.

Counted with ``tbie.testing.aws.meter`` over the local server, with small photographs and the classical engine. Write units are
transactional (two for each KB of a row). Rows of counts are written once for each transaction and (tenant, stage) in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Step(NamedTuple):
    """One commit in the life of an image. Units of one image, except ``counts``, which are units of one transaction."""

    name: str
    where: str
    """``intake``, ``worker`` or ``reconciler``."""
    items: int
    """Write units to its row."""
    history: int
    open: int
    """Write units to the index of open work; each two units are also a record of the change stream."""
    counts: int
    """Write units to rows of counts."""
    together: float
    """Images that share one transaction, as a rule."""
    reads: int
    """Read units of its row."""
    grown: bool = True
    """Whether the row holds what was observed by then."""


STEPS = (
    Step("added", "intake", items=2, history=2, open=2, counts=2, together=1, reads=0, grown=False),
    Step("technical", "intake", items=2, history=2, open=4, counts=4, together=1, reads=1, grown=False),
    Step("preview to observe", "worker", items=4, history=4, open=4, counts=8, together=2, reads=2),
    Step("barrier lifted", "reconciler", items=4, history=2, open=4, counts=2, together=20, reads=1),
    Step("group", "worker", items=6, history=2, open=4, counts=4, together=20, reads=2),
    Step("curate", "worker", items=6, history=2, open=2, counts=2, together=20, reads=2),
)

OPEN_READS = 4
"""Read units by which the reconciler looks at rows that the stream told it of."""

ITEM_BYTES = 2_314
"""An image's row when all is done."""
HISTORY_BYTES = 3_459
"""Its six changes."""
ENTRY_BYTES = 400
"""A row of the index of open work; what a sweep reads for each open stage."""

ROW_SHARDS = 4
"""Partition keys of a tenant's rows, and of the open rows of one stage. Fixed in keys: ``tbie.backends.aws.keys.SHARDS``."""
COUNT_SHARDS = 16
"""Rows that each count is spread over, all under one partition key a tenant."""

STAGES = 6
SWEEP_QUERIES = 57
"""Queries of a sweep in which nothing is open: kinds of index rows × stages × shards."""
SWEEP_PAGE = 100

MESSAGES = 3
"""Intents of one image: *preview* (with what is fused to it), *group*, *curate*. *technical* is run where the image arrives."""
SENDS_TOGETHER, RECEIVES_TOGETHER, DELETES_TOGETHER = 10, 4, 4
"""Messages in one call, as a rule: what the reconciler emits at once, and what a worker claims and settles at once."""
REGISTER_UNITS = 3
"""Write units for each message beside the queue: sent, held, forgotten."""

CLAIM = 4
"""Messages that a worker has in hand."""
GROUP_CLAIM = 10_000
"""Images whose *group* is claimed in one piece, all in flight meanwhile."""
GROUP_AT, GROUP_LINEAR_S, GROUP_SQUARE_S, GROUP_MAX_S = 10_000, 3.2, 0.45, 200.0
"""Comparing n times ``GROUP_AT`` images takes LINEAR × n + SQUARE × n² seconds, reading included: fitted to what was measured for
10,000, 40,000 and 100,000 on a shared core (docs/grouping.md: 3.3, 20 and 77 s). A run may take ``GROUP_MAX_S``."""
BARRIER_PATIENCE_S = 600.0
"""A tenant whose images never stop coming is compared this often, each time as a whole."""
PASSAGE_S = 5.0
"""From one stage to the next while nothing is in the way: the window of the function on the stream."""

PUTS, GETS = 3, 2
"""Objects: the upload and two previews; read where the image arrives, and by the worker."""
PREVIEW_BYTES = 700_000
"""Both previews together, of a photograph of 12 megapixels or more."""

INTAKE_S, INTAKE_GB = 1.5, 1.0
"""The function that runs *technical*: assumed, not measured on AWS. Reading 10 MB, hashing, decoding a header."""
RECORDS_TOGETHER, RECONCILE_S, RECONCILE_GB = 50, 0.5, 0.5
"""The function on the stream: a full batch; 250 ms of CPU are its budget, the rest is assumed for the network."""


@dataclass(frozen=True, slots=True)
class PerImage:
    """The sum over the life of one image."""

    writes: dict[str, float]
    """Write units by table."""
    reads: float
    records: float
    transactions: float


def per_image(facts_kb: float = 0.0) -> PerImage:
    """What one image costs in DynamoDB; *facts_kb* is what a model's observation adds to its row, compressed."""
    extra = 2 * facts_kb
    grown = sum(step.grown for step in STEPS)
    counts = sum(step.counts / step.together for step in STEPS)
    writes = {
        "items": sum(step.items for step in STEPS) + extra * grown,
        "history": sum(step.history for step in STEPS) + extra,
        "open": float(sum(step.open for step in STEPS)),
        "control": counts,
        "register": float(REGISTER_UNITS * MESSAGES),
    }
    reads = sum(step.reads for step in STEPS) + OPEN_READS + facts_kb / 4 * grown
    transactions = sum(1 / step.together for step in STEPS)
    return PerImage(writes, reads, sum(step.open for step in STEPS) / 2, transactions)
