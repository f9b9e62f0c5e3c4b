"""What a model folder must hold, read and checked without torch, with one clear sentence for everything that is wrong.

Caller: ``load`` before it loads anything, ``engine`` for the identity of a folder without a manifest. The libraries are too
kind here: they fill in the image statistics of another model, take random numbers for tensors that are missing and sampling
defaults for a file that is gone. What these checks cannot see (a flipped byte in a weight) is what a manifest is for.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL_TYPE = "qwen3_vl"
_REQUIRED = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_CODE = frozenset({".py", ".pyc", ".so"})
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack"})
_IMAGE_PROCESSORS = ("Qwen2VLImageProcessor", "Qwen2VLImageProcessorFast", "Qwen2VLImageProcessorPil")
_MOST_JSON_BYTES = 4 << 20
_MOST_INDEX_BYTES = 64 << 20
_BICUBIC = 3


class ModelFolderError(ValueError):
    """The folder cannot be used; the message says which file, what is wrong with it and what to do."""


@dataclass(frozen=True, slots=True)
class ImageRules:
    """How the model wants pictures."""

    patch: int
    """Side of a patch in pixels."""
    merge: int
    """Patches per side that become one token."""
    frames: int
    """How often one picture is repeated: the model looks at pairs of frames."""
    least_pixels: int
    """Smaller pictures are enlarged to this."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    rescale: float
    """From 0..255 to 0..1."""
    resample: int
    """Pillow's number of the resampling filter."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that holds all that is needed."""

    path: Path
    config: Mapping[str, Any]
    images: ImageRules
    chat_template: str
    stops: tuple[int, ...]
    """Tokens that end an answer."""
    pad: int
    tensors: frozenset[str]
    """Names in the weight files."""
    sketch: str
    """SHA-256 over the small files and the tables of tensors: tells apart two models, not two states of their weights."""


def read(path: Path, *, weights: bool = True) -> ModelFolder:
    """Read and check the folder *path*. Raises ``ModelFolderError``.

    Without *weights* (benchmarks make random ones on the device) it need hold none.
    """
    if not path.is_dir():
        raise ModelFolderError(f"{path} is not a folder; give the folder that holds the model's config.json")
    _refuse_code(path)
    missing = [name for name in _REQUIRED if not (path / name).is_file()]
    if missing:
        raise ModelFolderError(
            f"{path} lacks {', '.join(missing)}; get the model's repository again, with all of its files"
        )
    small = {
        name: _json(path / name, _MOST_INDEX_BYTES if name == "tokenizer.json" else _MOST_JSON_BYTES)
        for name in _REQUIRED
    }
    for name, content in small.items():
        if "auto_map" in content:
            raise ModelFolderError(
                f"{name} names code of its own (auto_map), which is never run; use a model of the {MODEL_TYPE} family"
            )
    config = small["config.json"]
    if config.get("model_type") != MODEL_TYPE:
        raise ModelFolderError(
            f"config.json says model_type {config.get('model_type')!r}; supported is {MODEL_TYPE!r} (Qwen3-VL)"
        )
    if "quantization_config" in config:
        raise ModelFolderError(
            "config.json describes quantised weights; this engine runs bfloat16 and float32 alone. A server such as vLLM "
            "runs them: use the engine openai"
        )
    images = _images(small["preprocessor_config.json"], _part(config, "vision_config"))
    stops, pad = _ends(small["generation_config.json"])
    template = _chat_template(path, small["tokenizer_config.json"])
    tables = _tables(path) if weights else {}
    sketch = hashlib.sha256(json.dumps([small, template, tables], sort_keys=True).encode()).hexdigest()
    return ModelFolder(
        path, config, images, template, stops, pad, frozenset(n for t in tables.values() for n in t), sketch
    )


def _refuse_code(path: Path) -> None:
    for file in sorted(path.rglob("*")):
        if file.suffix in _CODE:
            raise ModelFolderError(f"{file.name} is code; a model folder must hold none, remove it")
        if file.suffix in _PICKLES:
            raise ModelFolderError(
                f"{file.name} can run code when it is loaded; only safetensors are loaded, remove it"
            )


def _json(path: Path, most_bytes: int) -> dict[str, Any]:
    size = path.stat().st_size
    if size > most_bytes:
        raise ModelFolderError(f"{path.name} has {size:,} bytes; no more than {most_bytes:,} are read")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelFolderError(f"{path.name} is not JSON ({type(error).__name__}); get the file again") from None
    if not isinstance(content, dict):
        raise ModelFolderError(f"{path.name} is not a JSON object; get the file again")
    return content


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = config.get(name)
    if not isinstance(part, dict):
        raise ModelFolderError(f"config.json has no {name}; get the file again")
    return part


def _whole(content: Mapping[str, Any], name: str, file: str) -> int:
    value = content.get(name)
    if type(value) is not int or value < 1:
        raise ModelFolderError(f"{file}: {name} is {value!r}, not a whole number above 0; get the file again")
    return value


def _images(rules: Mapping[str, Any], vision: Mapping[str, Any]) -> ImageRules:
    file = "preprocessor_config.json"
    kind = rules.get("image_processor_type")
    if kind not in _IMAGE_PROCESSORS:
        raise ModelFolderError(f"{file}: image_processor_type is {kind!r}; known are {', '.join(_IMAGE_PROCESSORS)}")
    pairs = (
        ("patch_size", "patch_size"),
        ("merge_size", "spatial_merge_size"),
        ("temporal_patch_size", "temporal_patch_size"),
    )
    for name, same in pairs:
        if _whole(rules, name, file) != _whole(vision, same, "config.json"):
            raise ModelFolderError(
                f"{file} says {name} {rules[name]}, config.json says {same} {vision[same]}: not of one model"
            )
    for switch in ("do_resize", "do_rescale", "do_normalize", "do_convert_rgb"):
        if rules.get(switch, True) is not True:
            raise ModelFolderError(f"{file}: {switch} is {rules[switch]!r}; Qwen3-VL wants it on")
    size = rules.get("size")
    if not isinstance(size, dict):
        raise ModelFolderError(f"{file} lacks size; without it the library would take another model's")
    deep, depth = vision.get("deepstack_visual_indexes"), _whole(vision, "depth", "config.json")
    if (
        not isinstance(deep, list)
        or deep != sorted(set(deep))
        or not all(type(i) is int and 0 <= i < depth for i in deep)
    ):
        raise ModelFolderError(f"config.json: deepstack_visual_indexes {deep!r} are not rising numbers below {depth}")
    rescale = _numbers(rules, "rescale_factor", 1, [1 / 255])[0]
    resample = rules.get("resample", _BICUBIC)  # the published folders leave both out: the family's own defaults
    if resample != _BICUBIC:
        raise ModelFolderError(f"{file}: resample is {resample!r}; Qwen3-VL uses {_BICUBIC} (bicubic)")
    mean, std = _numbers(rules, "image_mean", 3), _numbers(rules, "image_std", 3)
    if min(std) <= 0 or rescale <= 0:
        raise ModelFolderError(f"{file}: image_std and rescale_factor must be above 0")
    least_pixels = _whole(size, "shortest_edge", file)
    sides = (rules["patch_size"], rules["merge_size"], rules["temporal_patch_size"])
    return ImageRules(*sides, least_pixels, mean, std, rescale, resample)


def _numbers(rules: Mapping[str, Any], name: str, count: int, default: list[float] | None = None) -> tuple[float, ...]:
    value = rules.get(name, default)
    value = [value] if isinstance(value, (int, float)) else value
    right = isinstance(value, list) and len(value) == count
    if not right or not all(type(v) in {int, float} and math.isfinite(v) for v in value):
        raise ModelFolderError(
            f"preprocessor_config.json: {name} is {value!r}, not {count} numbers; "
            "the library would take another model's in silence"
        )
    return tuple(float(v) for v in value)


def _ends(generation: Mapping[str, Any]) -> tuple[tuple[int, ...], int]:
    eos, pad = generation.get("eos_token_id"), generation.get("pad_token_id")
    stops = [eos] if type(eos) is int else eos
    if not isinstance(stops, list) or not stops or not all(type(stop) is int for stop in stops) or type(pad) is not int:
        raise ModelFolderError("generation_config.json must give eos_token_id and pad_token_id; get the file again")
    return tuple(stops), pad


def _chat_template(path: Path, tokenizer: Mapping[str, Any]) -> str:
    for name, key in (("chat_template.jinja", None), ("chat_template.json", "chat_template")):
        if (path / name).is_file():
            template: Any = (path / name).read_text() if key is None else _json(path / name, _MOST_JSON_BYTES).get(key)
            break
    else:
        template = tokenizer.get("chat_template")
    if not isinstance(template, str) or not template:
        raise ModelFolderError(f"{path} has no chat template (chat_template.jinja); get the model's repository again")
    return template


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    """Weight file → its table of tensors, each file as long as its table says."""
    if (path / _INDEX).is_file():
        placed = _json(path / _INDEX, _MOST_INDEX_BYTES).get("weight_map")
        if not isinstance(placed, dict) or not all(isinstance(name, str) for name in placed.values()):
            raise ModelFolderError(f"{_INDEX} has no weight_map; get the file again")
        files = sorted(set(placed.values()))
        if any(Path(name).name != name for name in files):
            raise ModelFolderError(f"{_INDEX} names a file outside of the folder")
    else:
        placed, files = None, [_WEIGHTS]
    missing = [name for name in files if not (path / name).is_file()]
    if missing:
        raise ModelFolderError(f"{path} lacks the weights {', '.join(missing)}; get the model's repository again")
    tables = {name: _table(path / name) for name in files}
    found = {tensor: name for name, table in tables.items() for tensor in table}
    if placed is not None and placed != found:
        odd = sorted(set(placed.items()) ^ set(found.items()))[:3]
        raise ModelFolderError(f"{_INDEX} and the weight files disagree about {', '.join(name for name, _ in odd)}")
    return tables


def _table(path: Path) -> dict[str, Any]:
    """The table at the beginning of a safetensors file: 8 bytes of length, then JSON, then the data it describes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length) if 8 + length <= size and length <= _MOST_INDEX_BYTES else b""
    try:
        table = {name: entry for name, entry in json.loads(text).items() if name != "__metadata__"}
        end = max(int(entry["data_offsets"][1]) for entry in table.values())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise ModelFolderError(
            f"{path.name} is no safetensors file, or its beginning is damaged; get it again"
        ) from None
    if 8 + length + end != size:
        raise ModelFolderError(
            f"{path.name} has {size:,} bytes where its table says {8 + length + end:,}: cut off or damaged; get it again"
        )
    return table
