"""Backends keep the protocols. Every folder holds the same files: truth, intent, belief, execution, objects.

Backends know the kernel, never each other; only a composition root of an application imports them.
"""
