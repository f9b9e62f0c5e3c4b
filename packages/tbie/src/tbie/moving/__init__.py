"""Truth on its way from one store to another: one file, one JSON object a line, hashed, and checked before it is believed.

``lines`` is the format (pure), ``leaving`` writes it, ``reading`` checks it, ``arriving`` brings it into a store, ``comparing``
tells whether two sides say the same. All over the ``TruthStore`` protocol: no backend is known here.
"""

from tbie.moving.arriving import Brought, bring
from tbie.moving.comparing import Difference, compare
from tbie.moving.leaving import export
from tbie.moving.lines import Counts
from tbie.moving.reading import Examined, examine

__all__ = ["Brought", "Counts", "Difference", "Examined", "bring", "compare", "examine", "export"]
