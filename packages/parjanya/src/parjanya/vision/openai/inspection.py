"""Whether a server is what was declared: there, taking the key, serving the model, taking pictures, keeping to a schema.

Callers: the engine at start-up, after an outage, and when a picture's request failed: a question that any fit server can answer
tells whether the picture is at fault or the server.

Keeping to a schema is shown by a schema that allows one word alone, drawn anew each time and never named in the prompt:
whoever answers it was held to it. A server that says it supports schemas and ignores them does not pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from parjanya.observation.validate import printable
from parjanya.vision.openai.answer import first_text, prompt_tokens
from parjanya.vision.openai.ask import probe_request
from parjanya.vision.openai.picture import Prepared, data_url, encoded
from parjanya.vision.openai.replies import NoReply, Replied, Reply, rest_s
from parjanya.vision.openai.settings import KEY_NAMES, OpenaiSettings
from parjanya.vision.openai.transport import Transport
from tbie.core.clock import Clock
from tbie.core.ids import Ids
from tbie.execution import Drift

_GLANCE_S = 10.0
_MOST_NAMES = 8
_PROBE_PX = (512, 512)
"""256 visual tokens: within every declared budget that is usual, and above what families enlarge to."""
_NO_SUCH_PAGE = {404, 405, 501}
_KEY_STATUSES = {401, 403}
_FORM_STATUSES = {400, 422, 501}


@dataclass(frozen=True, slots=True)
class Inspected:
    """What an inspection found."""

    drift: Drift | None
    rest_s: float | None = None
    """The server asked to be left alone so long: it is neither fit nor unfit."""
    takes_logprobs: bool | None = None
    """None: not known."""
    text_tokens: int | None = None
    """Tokens of the prompt without a picture."""


def differs(component: str, declared: str, found: str) -> Drift:
    """One difference, as a drift."""
    return Drift({component: (declared, found)})


def away(reply: NoReply) -> Drift:
    """The server does not answer."""
    return differs("model server", "reachable", f"unreachable: {reply.words}")


def key_refused(reply: Reply, has_key: bool) -> Drift:
    """The server wants another key, or one at all. The key itself is never shown."""
    if has_key:
        return differs("model server", "takes the key", f"the key was refused (HTTP {reply.status})")
    return differs("model server", "takes requests", f"it wants a key (HTTP {reply.status}); put one in {KEY_NAMES[0]}")


class Inspector:
    """Asks one server about itself."""

    def __init__(self, settings: OpenaiSettings, transport: Transport, clock: Clock, ids: Ids) -> None:
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._ids = ids
        self._picture: Prepared | None = None

    async def glance(self, total_s: float = _GLANCE_S) -> Inspected:
        """The cheap part: is it there, does it serve the model?"""
        reply = await self._transport.get("/models", total_s)
        return self._server_trouble(reply) or Inspected(self._model_missing(reply))

    async def whole(self, total_s: float, with_logprobs: bool) -> Inspected:
        """Everything, the question under a schema included. Never raises but for cancellation."""
        start_s = self._clock.monotonic_s()
        first = await self.glance(min(_GLANCE_S, total_s))
        if first.drift is not None or first.rest_s is not None:
            return first
        word = f"w{self._ids.token()}"
        for logprobs in [True, False] if with_logprobs else [False]:
            body = probe_request(self._settings, self._probe_picture(), word, logprobs)
            left_s = max(0.1, total_s - (self._clock.monotonic_s() - start_s))
            reply = await self._transport.post("/chat/completions", body, left_s)
            if not (logprobs and isinstance(reply, Reply) and reply.status in _FORM_STATUSES):
                break
        return self._judge(reply, word, logprobs)

    def _judge(self, reply: Replied, word: str, logprobs: bool) -> Inspected:
        if trouble := self._server_trouble(reply):
            return trouble
        assert isinstance(reply, Reply)
        if reply.status != 200:
            asked = "answers a request with a picture and a schema"
            return Inspected(differs("model server", asked, f"HTTP {reply.status}: {reply.said()}"))
        try:
            whole = reply.json()
        except ValueError:
            whole = None
        text = first_text(whole)
        if text is None:
            return Inspected(
                differs("model server", "speaks chat completions", f"answered: {printable(reply.body, 120)}")
            )
        if not _is_word(text, word):
            found = f"answered freely: {printable(text, 120)}"
            return Inspected(differs("schema enforcement", "answers only what the schema allows", found))
        counted = prompt_tokens(whole)
        text_tokens = counted - self._probe_picture().visual_tokens if counted is not None else None
        return Inspected(None, None, logprobs, text_tokens if text_tokens is None or text_tokens > 0 else None)

    def _server_trouble(self, reply: Replied) -> Inspected | None:
        """What any request would meet, whatever is asked; None if there is nothing of the kind."""
        if isinstance(reply, NoReply):
            return Inspected(away(reply))
        if reply.status in _KEY_STATUSES:
            return Inspected(key_refused(reply, bool(self._settings.key)))
        if is_busy(reply):
            return Inspected(None, rest_s(reply, self._clock.now_ms()))
        if reply.status >= 500 and reply.status not in _NO_SUCH_PAGE:
            return Inspected(differs("model server", "works", f"HTTP {reply.status}: {reply.said()}"))
        if 300 <= reply.status < 400:
            found = f"HTTP {reply.status}: it sends elsewhere, which is not followed; give the final address"
            return Inspected(differs("model server", "answers itself", found))
        return None

    def _model_missing(self, reply: Replied) -> Drift | None:
        """Whether the list of models lacks ours. A server without a list is not held against it."""
        if not isinstance(reply, Reply) or reply.status in _NO_SUCH_PAGE:
            return None
        names = _names(reply) if reply.status == 200 else None
        if names is None:
            return differs("model server", "lists its models", f"HTTP {reply.status}: {reply.said()}")
        if {self._settings.model, f"{self._settings.model}:latest"} & set(names):
            return None
        shown = ", ".join(printable(name, 80) for name in names[:_MOST_NAMES]) or "none"
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return differs("model", printable(self._settings.model, 80), f"not served; the server has {shown}{more}")

    def _probe_picture(self) -> Prepared:
        if self._picture is None:
            grey = Image.linear_gradient("L").resize(_PROBE_PX).convert("RGB")
            self._picture = Prepared(data_url(encoded(grey)), _PROBE_PX)
        return self._picture


def is_busy(reply: Reply) -> bool:
    """Whether the server asks to come back later."""
    return reply.status == 429 or (reply.status == 503 and bool(reply.retry_after))


def _is_word(text: str, word: str) -> bool:
    try:
        return bool(json.loads(text) == {"word": word})
    except (ValueError, RecursionError):
        return False


def _names(reply: Reply) -> list[str] | None:
    try:
        whole = reply.json()
    except ValueError:
        return None
    data = whole.get("data") if isinstance(whole, Mapping) else None
    if not isinstance(data, list):
        return None
    return [one["id"] for one in data if isinstance(one, Mapping) and isinstance(one.get("id"), str)]
