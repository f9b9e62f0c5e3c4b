"""The catalogue of faults, by boundary. Callers: ``plan`` draws names from it, ``run`` begins and ends them."""

from tbie.sim.faults.base import Kind
from tbie.sim.faults.belief import BELIEF
from tbie.sim.faults.control import CONTROL
from tbie.sim.faults.execution import EXECUTION
from tbie.sim.faults.intent import INTENT
from tbie.sim.faults.truth import TRUTH

CATALOGUE: dict[str, Kind] = {kind.name: kind for kind in (*TRUTH, *INTENT, *BELIEF, *EXECUTION, *CONTROL)}
"""Every kind of fault by its name."""

__all__ = ["CATALOGUE", "Kind"]
