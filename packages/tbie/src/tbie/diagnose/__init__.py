"""Diagnosis: is the system waiting because Intent is missing, or is Intent there and Execution cannot realise it?

take (I/O) ──▶ Readings ──▶ rules (pure) ──▶ findings ──▶ verdict
"""

from tbie.diagnose.probes import take
from tbie.diagnose.readings import Readings
from tbie.diagnose.verdict import Diagnosis, diagnose

__all__ = ["Diagnosis", "Readings", "diagnose", "take"]
