"""Synthesise the stacks: ``python app.py -c …`` through the CDK's tool, or by itself, offline, without credentials.

    cdk deploy --all -c bucket=BUCKET -c origins=https://app.example.com -c functions=FOLDER -c images=images.json \\
        -c image_tag=TAG -c manifest=ID
    python infra/cdk/app.py --look FOLDER      templates to look at, with made-up functions and images: they refuse to be deployed

docs/infrastructure.md explains each value.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "infra" / "cdk"),
    str(ROOT / "packages/tbie/src"),
    str(ROOT / "packages/parjanya/src"),
]
os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20,22")

from parjanya_cdk.main import main  # noqa: E402 - the paths come first

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
