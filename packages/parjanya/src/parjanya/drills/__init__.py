"""Incidents, injected on purpose into a running instance, with detection and repair measured.

Callers: ``parjanya drill`` and ``tests/incidents``. A drill does from outside what the incident did: it deletes, locks, kills,
renames, or runs a program of its own beside the product. Nothing of the product knows that drills exist
(docs/adr/0017-drills-inject-from-outside.md).
"""
