"""Structured events: one line for each thing that happened, with the decision it belongs to.

``events`` says them and writes them down; ``truth``, ``intent`` and ``ledger`` stand in front of a store and tell what goes
through it. The decision id is the token of the intent: it is in the stream record, the message, the attempt and the row.
The control plane and the workers know nothing of this: what they do is seen at the doors of the stores.
"""

from tbie.logs.events import Events, Format, configure
from tbie.logs.intent import logged_intent
from tbie.logs.ledger import logged_ledger
from tbie.logs.truth import logged_truth

__all__ = ["Events", "Format", "configure", "logged_intent", "logged_ledger", "logged_truth"]
