"""Every error the kernel raises on purpose, in one tree. The class docstring is the message's first half and tells the remedy.

TbieError
├── SettingsError            settings contradict each other
├── GuardrailError           work would be unsafe here
├── WorkflowError            the declared stages do not form a workflow
├── WornError                a worker process makes room for a fresh one
├── TruthError
│   ├── TruthUnavailableError    Truth cannot be read or written now
│   ├── FencedError              somebody else leads now
│   ├── NewerSchemaError         the store was written by a newer version
│   └── UnknownItemError         no such item
├── IntentError
│   ├── IntentUnavailableError   the queue cannot be read or written now
│   └── MisroutedIntentError     an address that Truth or the object store does not know
├── MovingError              an export of Truth cannot be written, or read as one
├── LedgerUnavailableError   decisions cannot be noted or read now
├── ObjectError
│   ├── ObjectMissingError       nothing at that address
│   ├── ObjectRefusedError       bytes, or a request, that the store does not take
│   ├── ObjectStoreFullError     no room for the object
│   └── ObjectUnavailableError   the store cannot be reached, or refuses
└── HomeError                    the home directory cannot be used
"""

from __future__ import annotations


class TbieError(Exception):
    """Base of every error that the kernel raises on purpose."""


class SettingsError(TbieError):
    """Settings contradict each other; the message names both and the incident they would cause."""


class GuardrailError(TbieError):
    """Work would be unsafe here; the message names the guardrail and the incident. Do what it says; ``doctor`` shows all."""


class WorkflowError(TbieError):
    """The declared stages do not form a workflow: a cycle, an unknown need, a name used twice; or no stage has that name."""


class WornError(TbieError):
    """This worker process makes room for a fresh one, for the reason in the message. Nothing is lost; another one starts."""


class TruthError(TbieError):
    """Something about the durable record."""


class TruthUnavailableError(TruthError):
    """Truth cannot be read or written now. Nothing was committed; try again when the cause in the message is gone."""


class FencedError(TruthError):
    """Somebody else leads now. Nothing was committed; stop acting as the leader and stand by."""


class NewerSchemaError(TruthError):
    """The store was written by a newer version of this program. Upgrade, or use another home; nothing was changed."""


class UnknownItemError(TruthError):
    """There is no such item. ``images`` lists the items there are."""


class IntentError(TbieError):
    """Something about the journal of requested work."""


class IntentUnavailableError(IntentError):
    """The queue cannot be read or written now. Truth still holds the work; the sweep emits it again."""


class MisroutedIntentError(IntentError):
    """An intent was built for an address that Truth or the object store does not know. It was not sent."""


class MovingError(TbieError):
    """An export of Truth cannot be written, or this is none that can be read; the message says which line and what to do."""


class LedgerUnavailableError(TbieError):
    """Decisions cannot be noted or read now. Only the account of them is lost; work goes on."""


class ObjectError(TbieError):
    """Something about stored bytes."""


class ObjectMissingError(ObjectError):
    """Nothing is stored at that address."""


class ObjectStoreFullError(ObjectError):
    """There is no room for the object. Nothing was stored; free space and run the same command again."""


class ObjectRefusedError(ObjectError):
    """The store does not take or give these bytes, or does not sign this request: trying again changes nothing."""


class ObjectUnavailableError(ObjectError):
    """The object store cannot be reached, or refuses. Nothing was stored or read; try again when the cause is gone."""


class HomeError(TbieError):
    """The home directory cannot be used: read-only, locked, or not a directory. The message says which and what to do."""
