"""A sample shoot that is drawn, not downloaded: `make_shoot` is what ``parjanya demo`` and the tests curate."""

from parjanya.demo.shoot import make_shoot

__all__ = ["make_shoot"]
