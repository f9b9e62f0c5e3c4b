"""Who takes turns in a simulation: people who add and replay, reconcilers, the fleet and its workers, the watch."""
