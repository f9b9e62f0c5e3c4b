"""What the AWS profile needs for a workload, where it stops, and what it costs: a pure model over numbers with their sources.

``calls`` is what one image costs, counted; ``limits`` what each primitive allows; ``prices`` what a unit costs; ``workload`` what
is asked; ``model`` puts them together; ``words`` says it. How it was checked: docs/scale.md.
"""

from parjanya.planning.model import Plan, plan
from parjanya.planning.prices import PriceError, Prices, read_prices
from parjanya.planning.words import lines
from parjanya.planning.workload import Workload, WorkloadError

__all__ = ["Plan", "PriceError", "Prices", "Workload", "WorkloadError", "lines", "plan", "read_prices"]
