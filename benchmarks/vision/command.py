"""The models in this process, measured: a model of the real shape on an accelerator, a tiny one on a processor.

    ./run bench vision [--tiny] [--pictures N] [--batch N] [--rounds N] [--json]

Without ``--tiny`` it builds a model of the shape of Qwen3-VL-8B with random weights in bfloat16 on the accelerator; without an
accelerator it says "not measured". With ``--tiny`` everything runs on a processor, so that it is known to run: rates of a
third of a million parameters say nothing of a real model.

Bare loop, flow and stage are timed in turns on the same previews; the best of the rounds counts. Random weights compute what
trained ones compute, but write longer texts than a trained model would.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

GOAL_RATIO, GOAL_BUSY = 0.95, 0.95
MI = 1 << 20


def main() -> int:
    """Run what was asked for; 0 also when nothing could be measured."""
    asked = _arguments()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import torch

        from benchmarks.vision import models
    except ImportError as error:
        return _not_measured(asked.json, f"{error.name} is not installed (./run engines)")
    if not asked.tiny and not torch.cuda.is_available():
        return _not_measured(asked.json, "there is no CUDA accelerator here; --tiny runs the same on a processor")
    if asked.tiny:
        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as base:
        settings = _settings(Path(base) / "model", asked)
        model = models.tiny(settings) if asked.tiny else models.eight_billion(settings)
        document = _measure(model, settings, asked)
    if asked.json:
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./run bench vision", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--tiny", action="store_true", help="a tiny model on a processor")
    parser.add_argument("--pictures", type=int, help="previews to look at (default 384; tiny: 30)")
    parser.add_argument("--batch", type=int, default=64, help="pictures in a batch at most")
    parser.add_argument("--pixels", type=int, help="pixel budget (default 1,048,576; tiny: 98,304)")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _not_measured(as_json: bool, why: str) -> int:
    words = f"not measured: {why}"
    sys.stdout.write((json.dumps({"measured": False, "because": why}) if as_json else words) + "\n")
    return 0


def _settings(folder: Path, asked: argparse.Namespace) -> Any:
    from parjanya.vision.local.settings import LocalSettings

    pixels = asked.pixels or (96 * 1024 if asked.tiny else 1 << 20)
    threads = 2 if asked.tiny else max(2, min(8, (os.cpu_count() or 2) // 2))
    return LocalSettings(
        folder, pixels=pixels, pixels_floor=pixels // 4, device="cpu" if asked.tiny else "cuda", threads=threads
    )


def _measure(model: Any, settings: Any, asked: argparse.Namespace) -> dict[str, Any]:
    import torch

    from benchmarks.vision import budgets, models, rates
    from parjanya.vision.flow.flow import FlowSettings

    say = (lambda _: None) if asked.json else print
    pictures = models.previews(asked.pictures or (30 if asked.tiny else 384), 640 if asked.tiny else 2048)
    longest = max(model.prepare(picture, settings.pixels).tokens for picture in pictures[:12])
    room = model.room_tokens()
    count = max(1, min(asked.batch, room // longest))
    flow = FlowSettings(
        pixels=settings.pixels,
        pixels_floor=settings.pixels_floor,
        threads=settings.threads,
        most_items=count,
        tokens_ceiling=count * longest,
    )
    parameters = sum(one.numel() for one in model._loaded.model.parameters())
    document: dict[str, Any] = {
        "measured": True,
        "device": model.ran_on,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "torch": torch.__version__,
        "dtype": model.dtype,
        "parameters": parameters,
        "pictures": len(pictures),
        "pixels": settings.pixels,
        "prompt_tokens": longest,
        "batch": count,
    }
    say(
        f"{parameters:,} parameters, {model.dtype}, on {model.ran_on}; {len(pictures)} previews, {longest:,} tokens each at most"
    )
    model.run(
        [model.prepare(picture, settings.pixels) for picture in pictures[:count]]
    )  # what is made once is made here

    document |= _rates(rates, model, pictures, flow, asked.rounds, say)
    document["goals"] = {"of_bare": GOAL_RATIO, "busy": GOAL_BUSY}
    some = pictures[: min(count, 4)]
    document |= _costs(budgets, model, some, asked.tiny, say)
    document |= _savings(budgets, model, pictures[:count], settings.pixels, say)
    met = budgets.ladder(model, some, flow)
    say(f"\nshort of memory ({met.how}): {met.short} runs did not fit, {met.answered} of {met.pictures} answered,")
    say(f"  at pixel budgets {', '.join(f'{pixels:,}' for pixels in met.budgets)} of {settings.pixels:,}")
    document["ladder"] = asdict(met)
    return document


def _rates(rates: Any, model: Any, pictures: Any, flow: Any, rounds: int, say: Any) -> dict[str, Any]:
    """The three ways, in turns."""
    document: dict[str, Any] = {}
    best: dict[str, Any] = {}
    for _ in range(rounds):
        for name, rate in (
            ("bare loop", rates.bare(model, pictures, flow.pixels, flow.most_items)),
            ("flow", rates.through_flow(model, pictures, flow)),
            ("stage", rates.through_stage(model, pictures, flow)),
        ):
            if name not in best or rate.per_s > best[name].per_s:
                best[name] = rate
    say(f"\n{'':12}pictures/s   of bare   in the model   accelerator busy   observed   batches")
    for name, rate in best.items():
        ratio, inside = rate.per_s / best["bare loop"].per_s, rate.device_s / rate.seconds
        busy = "not measured" if rate.busy is None else f"{rate.busy:.1%}"
        say(
            f"{name:12}{rate.per_s:10.2f}{ratio:10.3f}{inside:15.1%}{busy:>19}{rate.observed:>7}/{rate.pictures}"
            f"   {len(rate.batches)} of {min(rate.batches)} to {max(rate.batches)}"
        )
        document[name] = {**asdict(rate), "per_s": rate.per_s, "of_bare": ratio}
    return document


def _costs(budgets: Any, model: Any, pictures: Any, tiny: bool, say: Any) -> dict[str, Any]:
    sizes = (64, 96, 128) if tiny else (256, 512, 768, 1024, 1280, 2048)
    found = list(budgets.costs(model, pictures, sizes))
    say(f"\npixel budget   prompt tokens   memory of {len(pictures)} pictures: reckoned   measured peak   seconds")
    for cost in found:
        peak = "not measured" if cost.peak_bytes is None else f"{cost.peak_bytes / MI:,.0f} MiB"
        seconds = "does not fit" if cost.seconds is None else f"{cost.seconds:.2f}"
        reckoned = f"{cost.arithmetic_bytes / MI:,.0f} MiB"
        say(f"{cost.budget_tokens * 1024:12,}{cost.prompt_tokens:16,}{reckoned:>34}{peak:>16}{seconds:>14}")
    return {"memory": [asdict(cost) for cost in found]}


def _savings(budgets: Any, model: Any, pictures: Any, pixels: int, say: Any) -> dict[str, Any]:
    saved = budgets.forced_tokens(model, pictures, pixels)
    say(
        f"\nforced tokens taken over: {saved.passes_with} passes, {saved.with_s:.2f} s; asked one by one: "
        f"{saved.passes_without} passes, {saved.without_s:.2f} s"
    )
    kept_s, anew_s, head, tail = budgets.shared_head(model, pictures, pixels)
    say(
        f"first pass over {tail} tokens with the {head:,} before the picture kept: {kept_s:.3f} s; all read anew: {anew_s:.3f} s"
    )
    return {"forced": asdict(saved), "head": {"kept_s": kept_s, "anew_s": anew_s, "head": head, "tail": tail}}
