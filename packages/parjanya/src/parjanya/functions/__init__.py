"""Functions: what AWS calls when something has happened. Each is a thin shell around a pure parser of its events.

``reconcile`` takes changes of open work (the stream of the table ``open``), ``sweep`` runs by the clock, ``intake`` takes what
was uploaded. What each does, and what becomes of what it cannot handle: docs/functions.md. The HTTP interface will be a fourth
function beside these; nothing here has to change for it.

Imports are part of the design: ``reconcile`` and ``sweep`` start without an image library, and a test holds them to it.
"""
