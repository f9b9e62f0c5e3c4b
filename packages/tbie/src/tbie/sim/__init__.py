"""Deterministic simulation: the real kernel under a virtual clock, with faults on every boundary drawn from a seed.

``python -m tbie.sim --seed N``. No threads: whenever a process calls a store, another one may run first, or the call may
fail before or after it took effect. What happened, what must hold and how to read a failure: docs/simulation.md.
"""
