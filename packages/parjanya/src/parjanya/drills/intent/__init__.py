"""Incidents whose boundary is Intent: the request for work is gone, wrong, or there too often."""
