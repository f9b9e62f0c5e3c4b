"""What a model is, down to the byte: a manifest made when a model folder is baked, and compared wherever the model runs.

``bake`` makes one, or says everything that is missing. ``attest`` compares a folder, and the machine, with one and says what
differs, in words. Why each thing is in a manifest: docs/models.md. Nothing here needs torch: golden answers are asked of a
model that is handed in (``golden.Model``).
"""
