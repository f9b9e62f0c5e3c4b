"""The control plane: compares Truth with Intent and Execution, and repairs the difference.

``decide`` is pure. Around it: ``stream`` (what just changed), ``sweep`` (everything open, as a safety net), ``emit``
(decisions → envelopes), ``fleet`` (how many workers), ``heartbeat`` (could it see?), ``loop`` (the order of all this).
"""
