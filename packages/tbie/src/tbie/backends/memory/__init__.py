"""Everything in this process's memory: the reference model, public, for tests and simulations."""
