"""The parts of a model folder that decide what is seen and said, read out of its JSON files; and what of them is missing.

Caller: ``examine``. Each function takes parsed documents and gives the component of the manifest and the problems; nothing
here opens a file. A loader has a default for nearly everything that is missing, and the defaults belong to another model:
that is why what decides an answer must be there in so many words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from parjanya.vision.artifact.problems import Problem, file, shown

CONFIG = "config.json"
GENERATION = "generation_config.json"
PREPROCESSOR = "preprocessor_config.json"
PROCESSOR = "processor_config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
TEMPLATE_JSON = "chat_template.json"

Documents = Mapping[str, Mapping[str, Any]]
Found = tuple[dict[str, Any], list[Problem]]

_VISION = (
    *(
        "depth",
        "hidden_size",
        "out_hidden_size",
        "num_heads",
        "patch_size",
        "spatial_merge_size",
        "temporal_patch_size",
    ),
    *("num_position_embeddings", "deepstack_visual_indexes"),
)
_TEXT = ("num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "vocab_size")
_TOKENS = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
_MOST_TOKENS = 10_000


def model(documents: Documents) -> Found:
    """The component ``model``: architecture, without where it came from."""
    config = documents.get(CONFIG)
    if config is None:
        return {}, []
    problems = [
        Problem(file(CONFIG), f"names no {key}") for key in ("architectures", "model_type") if not config.get(key)
    ]
    vision, text = _object(config, "vision_config"), _object(config, "text_config")
    if not vision:
        problems.append(Problem(file(CONFIG), "describes no vision part (vision_config): this model sees nothing"))
    depth, deepstack = vision.get("depth"), vision.get("deepstack_visual_indexes")
    if isinstance(depth, int) and isinstance(deepstack, list) and any(not _within(i, depth) for i in deepstack):
        problems.append(
            Problem(file(CONFIG), f"takes deepstack features from layers that are not there ({depth} layers)")
        )
    return {
        "architectures": config.get("architectures"),
        "model_type": config.get("model_type"),
        "dtype": config.get("dtype", config.get("torch_dtype")),
        "quantization": config.get("quantization_config"),
        "vision": {key: vision[key] for key in _VISION if key in vision},
        "text": {key: text[key] for key in _TEXT if key in text},
    }, problems


def tokenizer(documents: Documents) -> Found:
    """The component ``tokenizer``: the tokens with a meaning, and that configuration and tokenizer mean the same ones."""
    config, own = documents.get(CONFIG, {}), documents.get(TOKENIZER_CONFIG, {})
    added = _added(documents.get(TOKENIZER, {}))
    problems: list[Problem] = []
    if TOKENIZER in documents and not added:
        problems.append(Problem(file(TOKENIZER), "has no added tokens: it cannot mark where a picture is"))
    special: dict[str, Any] = {}
    by_id = {number: token for token, number in added.items()}
    for key in _TOKENS:
        number = config.get(key)
        if number is None:
            continue
        special[key] = {"id": number, "token": by_id.get(number) if isinstance(number, int) else None}
        if added and special[key]["token"] is None:
            words = f"says {key} {shown(str(number), 20)}, but {TOKENIZER} has no added token of that number"
            problems.append(Problem(file(CONFIG), words))
    if config and "image_token_id" not in config:
        problems.append(Problem(file(CONFIG), "names no image_token_id: nothing says where a picture goes"))
    for key in ("eos_token", "pad_token"):
        token = own.get(key)
        token = token.get("content") if isinstance(token, dict) else token
        special[key] = {"id": added.get(token) if isinstance(token, str) else None, "token": token}
        if own and special[key]["token"] is None:
            problems.append(Problem(file(TOKENIZER_CONFIG), f"names no {key}"))
    return {"class": own.get("tokenizer_class"), "special": special, "added": added}, problems


def chat_template(documents: Documents, template: str | None) -> Found:
    """The component ``chat_template``; *template* is the content of ``TEMPLATE``, which comes before the others."""
    source, text = TEMPLATE, template
    for name in (TEMPLATE_JSON, TOKENIZER_CONFIG):  # the order in which the engine looks
        if text is None and isinstance(said := documents.get(name, {}).get("chat_template"), str):
            source, text = name, said
    if text is None:
        words = f"is missing, and neither {TOKENIZER_CONFIG} nor {TEMPLATE_JSON} holds a chat template: no prompt can be made"
        return {"source": None, "sha256": None}, [Problem(file(TEMPLATE), words)]
    problems = []
    image = tokenizer(documents)[0]["special"].get("image_token_id", {}).get("token")
    if isinstance(image, str) and image not in text:
        problems.append(Problem(file(source), f"has no place for a picture ({shown(image, 40)} does not occur in it)"))
    return {"source": source, "sha256": hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()}, problems


def processor(documents: Documents) -> Found:
    """The component ``processor``: how a picture becomes numbers."""
    source, given = PREPROCESSOR, documents.get(PREPROCESSOR)
    if given is None:
        source, given = PROCESSOR, _object(documents.get(PROCESSOR, {}), "image_processor")
    if not given:
        words = f"is missing, and {PROCESSOR} holds no image_processor: nothing says how a picture becomes numbers"
        return {}, [Problem(file(PREPROCESSOR), words)]
    vision = _object(documents.get(CONFIG, {}), "vision_config")
    problems = []
    for key, right, default in _WANTED:
        if not right(given.get(key)):
            have = f"has {shown(repr(given[key]), 40)} as" if key in given else "lacks"
            problems.append(Problem(file(source), f"{have} {key}{default}"))
    for key, same in (("patch_size", "patch_size"), ("merge_size", "spatial_merge_size")):
        if key in given and same in vision and given[key] != vision[same]:
            words = f"says {key} {shown(str(given[key]), 20)}, {CONFIG} says {same} {shown(str(vision[same]), 20)}"
            problems.append(Problem(file(source), words))
    described = {
        "source": source,
        "class": given.get("image_processor_type"),
        "size": given.get("size"),
        "patch_size": given.get("patch_size"),
        "merge_size": given.get("merge_size"),
        "temporal_patch_size": given.get("temporal_patch_size"),
        "mean": given.get("image_mean"),
        "std": given.get("image_std"),
        "resample": given.get("resample"),
        "rescale_factor": given.get("rescale_factor"),
    }
    return described, problems


def generation(documents: Documents) -> Found:
    """The component ``generation``: where an answer ends."""
    given = documents.get(GENERATION)
    if given is None:
        return {}, []
    problems = [] if given.get("eos_token_id") is not None else [Problem(file(GENERATION), "lacks eos_token_id")]
    return {key: value for key, value in sorted(given.items()) if key != "transformers_version"}, problems


def _is_size(value: object) -> bool:
    if not isinstance(value, dict) or not {"shortest_edge", "longest_edge"} <= value.keys():
        return False
    return all(_is_count(value[key]) for key in ("shortest_edge", "longest_edge"))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_channels(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 3:
        return False
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)


_WANTED = (
    ("size", _is_size, " (shortest_edge and longest_edge, in pixels)"),
    ("patch_size", _is_count, ""),
    ("merge_size", _is_count, ""),
    ("image_mean", _are_channels, " (three numbers): a loader would take those of another model"),
    ("image_std", _are_channels, " (three numbers): a loader would take those of another model"),
)


def _within(index: object, depth: int) -> bool:
    return isinstance(index, int) and 0 <= index < depth


def _object(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _added(document: Mapping[str, Any]) -> dict[str, int]:
    """Added tokens with their numbers."""
    listed = document.get("added_tokens")
    found: dict[str, int] = {}
    for entry in listed[:_MOST_TOKENS] if isinstance(listed, list) else []:
        match entry:
            case {"content": str(token), "id": int(number)}:
                found[token] = number
    return found
