"""Found first on the path, this makes a Python, and every Python that it starts, one without what the extras install."""

import sys

for name in ("torch", "transformers", "tokenizers", "safetensors", "llguidance", "httpx", "imagecodecs"):
    sys.modules[name] = None  # type: ignore[assignment] # importing it raises ModuleNotFoundError
