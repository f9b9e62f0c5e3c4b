"""Which policy decides for whom: documents and activations, kept in Truth.

Callers: the profiles (what holds now), the command line (changing it), reports (what a version said).

A policy is stored under its version; what is stored there never says anything else. An activation is one document, for one
tenant or for everybody who has none of their own, written by compare-and-set after the policy itself: at every moment a
policy decides in whole or not at all. It remembers what was active before, so the way back is one more entry. Where nobody
ever activated anything, the built-in ``culling`` of the program decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from parjanya.policy import Policy, PolicyError, PolicyUnavailableError, builtin, builtin_text, load
from tbie.core.errors import TbieError
from tbie.truth import Document, TruthStore

POLICY, ACTIVATION = "policy", "activation"
"""Kinds of the documents."""
EVERYBODY = "everybody"
"""Name of the activation for tenants without one of their own. Those of tenants are called ``tenant:NAME``."""
DEFAULT_POLICY = "culling"

ENTRIES_KEPT = 20
"""How far back an activation remembers."""
POLICIES_KEPT = 200
"""Stored policies. Beyond, the oldest that no activation remembers are forgotten."""
TENANTS_MOST = 1_000
"""Tenants with a policy of their own: all activations are read before each batch of work."""


class ActivationError(TbieError):
    """The policy was not activated; nothing has changed. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """That a policy was activated. *version* None: from then on what holds without an activation."""

    version: str | None
    policy: str
    tag: str
    at_ms: int
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Activation:
    """What was activated for a tenant (None: for everybody else), oldest first; the last entry holds."""

    tenant: str | None
    entries: tuple[Entry, ...]
    revision: int

    @property
    def now(self) -> Entry:
        """What holds."""
        return self.entries[-1]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"tenant": self.tenant, **asdict(self.now), "history": [asdict(entry) for entry in self.entries]}


@dataclass(frozen=True, slots=True)
class Stored:
    """A policy as Truth holds it. *policy* is None if this program cannot read it; *problem* says why."""

    version: str
    name: str
    tag: str
    text: str
    stored_ms: int
    policy: Policy | None
    problem: str | None = None


def name_of(tenant: str | None) -> str:
    """The name of a tenant's activation document."""
    return EVERYBODY if tenant is None else f"tenant:{tenant}"


def activations(truth: TruthStore) -> tuple[dict[str | None, Activation], dict[str | None, str]]:
    """Every activation by tenant; and, of those that cannot be read, the tenant and what is wrong."""
    found: dict[str | None, Activation] = {}
    broken: dict[str | None, str] = {}
    for document in truth.documents(ACTIVATION):
        tenant = None if document.name == EVERYBODY else document.name.removeprefix("tenant:")
        try:
            found[tenant] = _activation(tenant, document)
        except (KeyError, TypeError, ValueError) as error:
            broken[tenant] = f"the activation {document.name!r} cannot be read ({error!r}); activate a policy anew"
    return found, broken


def _activation(tenant: str | None, document: Document) -> Activation:
    raw = document.body["entries"]
    if not isinstance(raw, list) or not raw:
        raise ValueError("no entries")
    entries = tuple(Entry(**{name: entry[name] for name in Entry.__slots__}) for entry in raw)
    for entry in entries:
        texts = (entry.version or "", entry.policy, entry.tag, entry.who, entry.why)
        if not all(isinstance(text, str) for text in texts) or not isinstance(entry.at_ms, int):
            raise TypeError("an entry holds something else than texts and a time")
    return Activation(tenant, entries, document.revision)


def read_policy(document: Document) -> Stored:
    """What a policy document holds, read and compared with the version that it stands for."""
    body = document.body
    text = body.get("text")
    policy, problem = _read(document.name, text) if isinstance(text, str) else (None, "it holds no text")
    name, tag = str(body.get("policy", "")), str(body.get("tag", ""))
    return Stored(document.name, name, tag, str(text), document.updated_ms, policy, problem)


def _read(version: str, text: str) -> tuple[Policy | None, str | None]:
    try:
        policy = load(text, f"policy {version}")
    except PolicyError as error:
        return None, str(error)
    if policy.version != version:
        return None, f"it says something else than when it was stored (it is {policy.version} now)"
    return policy, None


def stored(truth: TruthStore) -> dict[str, Stored]:
    """Every stored policy by version."""
    return {document.name: read_policy(document) for document in truth.documents(POLICY)}


def find(truth: TruthStore, version: str) -> Policy:
    """The policy of that version: stored, or the built-in one of this program.

    Raises:
        PolicyUnavailableError: it is missing, or damaged.
    """
    document = next((d for d in truth.documents(POLICY) if d.name == version), None)
    if document is not None:
        found = read_policy(document)
        if found.policy is None:
            raise PolicyUnavailableError(f"the policy {version} in Truth is damaged: {found.problem}")
        return found.policy
    default = builtin(DEFAULT_POLICY)
    if default.version == version:
        return default
    raise PolicyUnavailableError(lost(version))


def lost(version: str) -> str:
    """What is said about an active policy whose document is gone."""
    return (
        f"the policy {version} is active, but Truth does not hold it; activate it again from its file, or another one"
    )


def activate(
    truth: TruthStore,
    policy: Policy | None,
    text: str,
    *,
    tenant: str | None,
    who: str,
    why: str,
    now_ms: int,
    expected: Activation | None,
) -> Activation:
    """From now on, *policy* (with *text* as its document; None: what holds without an activation) decides for *tenant*.

    *expected* is the activation that was looked at before; it is replaced, and nothing else is.

    Raises:
        ActivationError: somebody else has activated something meanwhile, or there are too many. Nothing has changed.
    """
    known, _ = activations(truth)
    if tenant is not None and tenant not in known and len(known) >= TENANTS_MOST:
        raise ActivationError(f"{TENANTS_MOST} tenants have a policy of their own already; no more are read")
    if expected is None:  # what decided until now is named by reports, also after this program was replaced
        _store(truth, builtin(DEFAULT_POLICY), builtin_text(DEFAULT_POLICY), known)
    if policy is not None:
        _store(truth, policy, text, known)
    before = expected.entries if expected is not None else (Entry(None, "", "", 0, "", "nothing was activated"),)
    version, name, tag = (policy.version, policy.name, policy.tag) if policy is not None else (None, "", "")
    entries = (*before, Entry(version, name, tag, now_ms, who, why))[-ENTRIES_KEPT:]
    body = {"entries": [asdict(entry) for entry in entries]}
    revision = expected.revision if expected is not None else _broken_revision(truth, tenant)
    written = truth.write_document(ACTIVATION, name_of(tenant), body, revision)
    if written is None:
        raise ActivationError(
            f"somebody else has just activated a policy for {tenant or 'everybody'}; look (`policy list`), and try again"
        )
    return Activation(tenant, entries, written.revision)


def _broken_revision(truth: TruthStore, tenant: str | None) -> int | None:
    """The revision of an activation that could not be read: replacing it is how it is mended."""
    _, broken = activations(truth)
    if tenant not in broken:
        return None
    return next((d.revision for d in truth.documents(ACTIVATION) if d.name == name_of(tenant)), None)


def _store(truth: TruthStore, policy: Policy, text: str, known: Mapping[str | None, Activation]) -> None:
    """Keep the document of *policy*; a damaged one in its place is replaced."""
    documents = truth.documents(POLICY)
    found = next((d for d in documents if d.name == policy.version), None)
    if found is None:
        _forget(truth, documents, known)
    body = {"policy": policy.name, "tag": policy.tag, "text": text}
    if found is not None and dict(found.body) == body:
        return
    if truth.write_document(POLICY, policy.version, body, found.revision if found is not None else None) is None:
        raise ActivationError("somebody else is storing the same policy; try again")


def _forget(truth: TruthStore, documents: list[Document], known: Mapping[str | None, Activation]) -> None:
    remembered = {entry.version for activation in known.values() for entry in activation.entries}
    free = sorted((d for d in documents if d.name not in remembered), key=lambda d: d.updated_ms)
    too_many = len(documents) + 1 - POLICIES_KEPT
    if too_many > len(free):
        raise ActivationError(
            f"{len(documents)} policies are stored, and activations remember all of them; no room for more"
        )
    for document in free[: max(0, too_many)]:
        truth.drop_document(document)


def before(activation: Activation) -> Entry:
    """The entry to roll back to: the newest that is not what holds now.

    Raises:
        ActivationError: nothing else was ever active.
    """
    for entry in reversed(activation.entries):
        if entry.version != activation.now.version:
            return entry
    raise ActivationError(f"nothing else was ever active for {activation.tenant or 'everybody'}")
