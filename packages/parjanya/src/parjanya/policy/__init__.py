"""Rules that turn what was measured and seen into a verdict with reasons. Engines observe; only a policy decides."""
