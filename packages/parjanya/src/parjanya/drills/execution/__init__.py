"""Incidents whose boundary is Execution: workers do not start, do not fit, or die."""
