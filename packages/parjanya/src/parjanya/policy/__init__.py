"""Policies: versioned rules over signals. A model observes, rules decide; every decision carries its reasons."""
