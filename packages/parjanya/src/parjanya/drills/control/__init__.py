"""Incidents of the control plane and of what it believes: silent, blind, doubled, or with a wrong clock."""
