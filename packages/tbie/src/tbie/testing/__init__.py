"""What a test of a system on this kernel needs: builders, and the conformance suite that every backend passes.

Callers: this repository's tests, and those of third-party backends. Needs the extra ``tbie[testing]``.
"""
