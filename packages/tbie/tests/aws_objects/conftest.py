"""A bucket for each test of this folder."""

from __future__ import annotations

import pytest

from tbie.backends.aws.bucket import create_bucket
from tbie.backends.aws.client import Clients
from tbie.testing.aws.account import rest
from tbie.testing.aws.session import Site


@pytest.fixture
def clients(aws_site: Site) -> Clients:
    """Connections to a place with an empty bucket."""
    found = aws_site.place()
    create_bucket(found)
    rest(aws_site.patience.made_s)
    return found
