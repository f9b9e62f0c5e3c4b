"""Programs that made the numbers of the classical medium engine, and that check them. See docs/medium.md."""
