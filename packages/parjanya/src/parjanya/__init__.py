"""Parjanya: takes in photographers' images, judges them with reasons, and stays correct while things break."""

__version__ = "0.1.0"
