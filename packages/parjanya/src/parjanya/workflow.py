"""The images' workflow: which stages there are and what each needs. Data; the work is in ``parjanya.stages``.

technical ─▶ preview ─┬─▶ quality ─┬─▶ group ─▶ curate
                      └─▶ observe ─┘

*observe* is one stage whatever looks: the classical engine alone in the pool ``images``, or a model too in the pool ``vision``.
"""

from __future__ import annotations

from dataclasses import dataclass

from parjanya.stages import curate, group, observe, preview, quality, technical
from parjanya.vision.declared import Classical, Declared, OpenAI, Transformers
from tbie.workflow import RetryPolicy, Stage, Workflow

POOL = "images"
VISION = "vision"
"""The pool of the stage *observe* where a model looks: few processes, each with the model or a connection to it."""

# A decoder that was killed once may have been a victim of others' memory; one that was killed twice is the culprit.
_DECODING = RetryPolicy(max_receives=2, backoff_base_s=1.0, backoff_max_s=30.0)
_JUDGING = RetryPolicy(max_receives=3, backoff_base_s=0.5, backoff_max_s=30.0)
# a truncated or invalid answer is asked for again with another seed, twice
_ASKING = RetryPolicy(max_receives=3, backoff_base_s=1.0, backoff_max_s=60.0)


@dataclass(frozen=True, slots=True)
class Observing:
    """What the engine of a home makes of the stage *observe*."""

    version: str = observe.VERSION
    pool: str = POOL
    retry: RetryPolicy = _JUDGING
    max_run_s: float = 20.0
    claim_batch: int = 8


def observing(declared: Declared) -> Observing:
    """How *observe* is done with the *declared* engine."""
    version = observe.version(declared.identity())
    match declared:
        case Classical():
            return Observing()
        case OpenAI(in_flight=in_flight):
            # so many that the last requests of one claim, which leave a server half idle, are few beside it
            return Observing(version, VISION, _ASKING, declared.settings().longest_s + 10, max(32, 8 * in_flight))
        case Transformers():
            # a device works in batches, and the last of a claim may be a small one: a claim is many of them
            return Observing(version, VISION, _ASKING, 180.0, 512)


def image_workflow(declared: Declared = Classical()) -> Workflow:  # noqa: B008 - a frozen value without fields
    """The workflow of every image of a home that declares this engine."""
    seeing = observing(declared)
    return Workflow(
        "images",
        (
            Stage(
                technical.NAME,
                technical.VERSION,
                POOL,
                owns=("format", "sha256", "phash", "exif", "width", "height"),
                retry=_DECODING,
                max_run_s=30.0,
                claim_batch=4,
            ),
            Stage(
                preview.NAME,
                preview.VERSION,
                POOL,
                needs=(technical.NAME,),
                owns=("large", "thumb"),
                retry=_DECODING,
                max_run_s=30.0,
                claim_batch=4,
            ),
            Stage(
                quality.NAME,
                quality.VERSION,
                POOL,
                needs=(preview.NAME,),
                owns=("sharpness", "exposure", "noise"),
                retry=_JUDGING,
                max_run_s=20.0,
                claim_batch=8,
            ),
            Stage(
                observe.NAME,
                seeing.version,
                seeing.pool,
                needs=(preview.NAME,),
                owns=("medium", "confidence", "evidence", "model"),
                retry=seeing.retry,
                max_run_s=seeing.max_run_s,
                claim_batch=seeing.claim_batch,
            ),
            Stage(
                group.NAME,
                group.VERSION,
                POOL,
                needs=(quality.NAME, observe.NAME),
                owns=("group", "best", "rank"),
                retry=_JUDGING,
                max_run_s=200.0,  # 10,000 images take 3 s; the time grows with the square of a tenant's images
                claim_batch=10_000,  # few batches, since each compares the whole tenant; about 400 MiB at a time
                barrier=True,
            ),
            Stage(
                curate.NAME,
                curate.VERSION,
                POOL,
                needs=(group.NAME,),
                owns=("verdict", "reasons", "rating", "label"),
                retry=_JUDGING,
                max_run_s=20.0,
                claim_batch=250,
            ),
        ),
    )
