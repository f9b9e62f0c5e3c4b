"""The engine ``transformers`` behind the protocol of engines: identity, attestation, the flow, wear.

Callers: the composition root makes one per worker process; the control plane makes one for its identity alone, which needs
neither torch nor, when the id of the manifest is declared, the folder.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from parjanya.observation import prompt, schema
from parjanya.vision.artifact.attest import Attestor
from parjanya.vision.artifact.folder import Stamp, list_folder
from parjanya.vision.artifact.manifest import NAME as MANIFEST
from parjanya.vision.artifact.manifest import Manifest
from parjanya.vision.artifact.manifest import read as read_manifest
from parjanya.vision.engine import Begin, Observed, Picture, Seen
from parjanya.vision.flow.flow import DeviceFlow, FlowSettings
from parjanya.vision.flow.words import printable
from parjanya.vision.local import folder
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import Clock
from tbie.execution import Drift

if TYPE_CHECKING:
    from parjanya.vision.local.model import LocalModel, Preview

CODE = 1
"""Raise it when this package changes what a model is shown, or how its answer is chosen."""
AGAIN_AFTER_S = 60.0
"""A folder that was refused is looked at again after this: a full look reads every byte, and heartbeats are more frequent.
One that has changed, and changes no more, is looked at at once: somebody mends it, and waits."""
PACKAGES = ("torch", "transformers", "llguidance", "pillow")
"""Their versions change answers; a manifest holds them, without one they are part of the identity."""


def scoring(settings: LocalSettings) -> dict[str, Any]:
    """What is asked and how, as plain data: everything but the model that changes answers."""
    return {
        "prompt": prompt.SHA256,
        "schema": schema.SHA256,
        "pixel_budget": settings.pixels,
        "pixel_budget_floor": settings.pixels_floor,
        "dtype": settings.dtype,
        "attention": "sdpa",
        "sampling": {"first": "greedy", "later_temperature": settings.temperature},
        "most_tokens": settings.most_tokens,
        "code": CODE,
    }


def open_model(settings: LocalSettings, clock: Clock) -> LocalModel:
    """Load the folder of *settings*: for baking golden answers, and for the engine.

    Raises:
        ModelFolderError: something is wrong with the folder, or the device is not there.
        ImportError: the extra ``transformers`` is not installed.
    """
    checked = folder.read(settings.folder)
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when the libraries are imported
    from parjanya.vision.local import load, model  # noqa: PLC0415 - torch is imported here, by those who need it

    device = load.device_for(settings.device)
    return model.LocalModel(
        checked, load.load(checked, device, load.dtype_for(settings.dtype, device)), settings, clock
    )


class TransformersEngine:
    """A Qwen3-VL model in this process. One thread."""

    name = "transformers"

    def __init__(
        self,
        settings: LocalSettings,
        clock: Clock,
        open_with: Callable[[LocalSettings, Clock], LocalModel] = open_model,
    ) -> None:
        self._settings, self._clock, self._open = settings, clock, open_with
        self._identity: dict[str, Any] | None = None
        self._attestor: Attestor | None = None
        self._model: LocalModel | None = None
        self._flow: DeviceFlow[Preview] | None = None
        self._ready_bytes: int | None = None
        self._refused: tuple[float, Drift] | None = None
        """When, on the monotonic clock, this process was last found unfit, and why."""
        self._refused_files: Mapping[str, Stamp] = {}
        """What the folder held then."""
        self._files: Mapping[str, Stamp] = {}
        """What it held at the last look."""

    def identity(self) -> Mapping[str, Any]:
        """All that changes answers. Raises ``ModelFolderError`` or ``ArtifactError`` if it depends on a damaged folder."""
        if self._identity is None:
            self._identity = {"engine": self.name, "model": self._model_identity(), **scoring(self._settings)}
        return self._identity

    def attest(self) -> Drift | None:
        """At boot: every byte if there is a manifest, then the model itself. Later: what has been touched since."""
        if self._flow is not None:
            return self._again()
        now_s, mended = self._clock.monotonic_s(), self._has_changed_and_rests()
        if self._refused is not None and not mended and now_s - self._refused[0] < AGAIN_AFTER_S:
            return self._refused[1]
        self._refused_files = self._files
        drift = self._try()
        self._refused = None if drift is None else (self._clock.monotonic_s(), drift)
        if drift is not None:  # what was loaded may be of files that are mended by the next look: that loads again
            self.close()
        return drift

    def _has_changed_and_rests(self) -> bool:
        """Whether the folder is not as it was when refused, and is as at the last look: nobody is writing to it any more."""
        before, self._files = self._files, list_folder(self._settings.folder).files
        return self._files == before != self._refused_files

    def _again(self) -> Drift | None:
        try:
            return self._attestor.again() if self._attestor is not None else None
        except Exception as error:  # noqa: BLE001 - a folder that can no longer be looked at is not what was declared
            return Drift({"model": ("a folder that can be read", printable(f"{type(error).__name__}: {error}"))})

    def _try(self) -> Drift | None:
        try:
            return self._boot()
        except ImportError as error:
            wanted = "torch, transformers and llguidance (the extra parjanya[transformers])"
            return Drift({"packages": (wanted, printable(str(error)))})
        except Exception as error:  # noqa: BLE001 - whatever it is, this process takes no work, and says why
            return Drift({"model": ("a model that loads and answers", printable(f"{type(error).__name__}: {error}"))})

    def observe(self, pictures: Sequence[Picture], begin: Begin) -> Iterator[tuple[int, Seen]]:
        """Look at *pictures*. Raises ``RuntimeError`` unless ``attest`` has let this process take work."""
        if self._flow is None:
            raise RuntimeError(
                "the engine has not been attested; call attest() first, and go on only if it returns None"
            )
        manifest = self._attestor.manifest.id if self._attestor is not None else None
        flow: Any = self._flow.observe(pictures, begin)  # a generator: stopping this one stops that one
        with closing(flow):
            for position, seen in flow:
                if isinstance(seen, Observed):
                    yield position, replace(seen, provenance={"manifest": manifest, **seen.provenance})
                else:
                    yield position, seen

    def worn(self) -> str | None:
        """Memory that does not come back, on the device or in the host."""
        if self._flow is None:
            return None
        if words := self._flow.worn():
            return words
        from parjanya.vision.local import memory  # noqa: PLC0415 - it imports torch

        now, ready = memory.resident_bytes(), self._ready_bytes
        most = self._settings.host_growth_bytes
        if now is None or ready is None or now - ready <= most:
            return None
        return f"the process has grown by {(now - ready) >> 20:,} MiB since it was ready; more than {most >> 20:,} MiB is a leak"

    def close(self) -> None:
        """Let go of the model and of the device's memory. Closing twice is closing once."""
        if self._model is None:
            return
        from parjanya.vision.local import memory  # noqa: PLC0415 - it imports torch

        device = self._model.device
        self._model = self._flow = self._identity = None
        memory.let_go(device)

    def _model_identity(self) -> dict[str, Any]:
        if self._settings.manifest is not None:
            return {"manifest": self._settings.manifest}
        if (self._settings.folder / MANIFEST).is_file():
            return {"manifest": read_manifest(self._settings.folder / MANIFEST).id}
        return {
            "sketch": folder.read(self._settings.folder).sketch,
            "packages": {name: _installed(name) for name in PACKAGES},
        }

    def _boot(self) -> Drift | None:
        settings = self._settings
        manifest = self._manifest()
        if isinstance(manifest, Drift):
            return manifest
        if manifest is not None:
            known = self._attestor is not None and self._attestor.manifest == manifest
            if self._attestor is None or not known:  # one that is kept reads nothing again until the folder changes
                self._attestor = Attestor(settings.folder, manifest, scoring(settings))
            if (drift := self._attestor.at_boot(self._opened)) is not None:
                return drift
        asked = manifest is not None and manifest.has_golden
        # golden answers have shown as much: they are under the schema, and no two were alike when they were baked
        if not asked and (drift := probe(self._opened())) is not None:
            return drift
        model = self._opened()
        if self._attestor is not None and (drift := self._attestor.untouched()) is not None:
            return drift
        from parjanya.vision.local import memory  # noqa: PLC0415 - it imports torch

        flow = FlowSettings(
            pixels=settings.pixels,
            pixels_floor=settings.pixels_floor,
            threads=settings.threads,
            most_items=settings.batch_items,
        )
        self._ready_bytes = memory.resident_bytes()
        self._flow = DeviceFlow(model, flow, self._clock)
        return None

    def _manifest(self) -> Manifest | Drift | None:
        path, declared = self._settings.folder / MANIFEST, self._settings.manifest
        if declared is None and not path.is_file():
            return None
        manifest = read_manifest(path)
        if declared is not None and manifest.id != declared:
            return Drift({"manifest": (declared, manifest.id)})
        return manifest

    def _opened(self) -> LocalModel:
        if self._model is None:
            self._model = self._open(self._settings, self._clock)
        return self._model


def probe(model: LocalModel) -> Drift | None:
    """Whether *model* answers under the schema, and looks at the picture at all: two pictures must not give one and the same."""
    first, second = (model.glimpse(drawn) for drawn in _pictures())
    if first.top == second.top:
        return Drift(
            {"model": ("two pictures give two answers", "the same numbers for both: the picture does not reach it")}
        )
    return None


def _pictures() -> Iterator[bytes]:
    """Two that have nothing in common."""
    rows, columns = np.mgrid[0:256, 0:256]
    rings = ((np.hypot(rows - 128, columns - 100) / 6).astype(int) % 2 * 255).astype(np.uint8)
    for plane in (rings, (columns // 2 + 64).astype(np.uint8)):
        yield _encoded(Image.fromarray(plane).convert("RGB"))


def _encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
