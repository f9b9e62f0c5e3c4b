"""Engines that look at an image and say what they see. An engine observes; it decides nothing (``parjanya.policy``
does).
"""
