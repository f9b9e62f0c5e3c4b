"""Workers: the only package that settles a message.

``worker`` claims, runs, commits and settles; ``chain`` runs handlers, ``flowing`` those that answer as they go, whose results
``ripening`` collects; ``settling`` knows what becomes of a message;
``runner`` is a worker's life as a process.
"""

from tbie.worker.chain import NoProgress
from tbie.worker.settling import disposal, settle_death
from tbie.worker.worker import Stepped, Worker

__all__ = ["NoProgress", "Stepped", "Worker", "disposal", "settle_death"]
