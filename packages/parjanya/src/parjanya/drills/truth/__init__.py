"""Incidents whose boundary is Truth: the record itself is wrong, old, or away."""
