"""The images' workflow: which stages there are and what each needs. Data; the work is in ``parjanya.stages``.

technical ─▶ preview ─┬─▶ quality ─┬─▶ group ─▶ curate
                      └─▶ observe ─┘
"""

from __future__ import annotations

from parjanya.stages import curate, group, observe, preview, quality, technical
from tbie.workflow import RetryPolicy, Stage, Workflow

POOL = "images"

# A decoder that was killed once may have been a victim of others' memory; one that was killed twice is the culprit.
_DECODING = RetryPolicy(max_receives=2, backoff_base_s=1.0, backoff_max_s=30.0)
_JUDGING = RetryPolicy(max_receives=3, backoff_base_s=0.5, backoff_max_s=30.0)


def image_workflow() -> Workflow:
    """The workflow of every image."""
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
                observe.VERSION,
                POOL,
                needs=(preview.NAME,),
                owns=("medium", "confidence", "evidence"),
                retry=_JUDGING,
                max_run_s=20.0,
                claim_batch=8,
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
