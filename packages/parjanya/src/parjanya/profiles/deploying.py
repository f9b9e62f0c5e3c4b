"""Makes what an instance on AWS stands on, where no template has: tables, queues, bucket. Every step may be done again.

Callers: ``parjanya aws up`` against a local server. On an account the templates in ``infra`` do this, with roles and alarms.
"""

from __future__ import annotations

from collections.abc import Sequence

from parjanya.workflow import image_workflow
from tbie.backends.aws.bucket import create_bucket
from tbie.backends.aws.client import Clients
from tbie.backends.aws.queues import create_queues
from tbie.backends.aws.tables import create_tables
from tbie.core.settings import Settings


def deploy(clients: Clients, settings: Settings, origins: Sequence[str] = ()) -> str:
    """Make what is missing, and say in a line what there is. *origins*: pages that may upload.

    Raises:
        SettingsError: AWS cannot do what the settings ask. TbieError: AWS refuses; what was made stays.
    """
    workflow = image_workflow()
    create_tables(clients)
    create_queues(clients, workflow, settings)
    create_bucket(clients, origins)
    place = clients.place
    return f"{place.prefix} in {place.region}: tables, {2 * len(workflow.stages)} queues, bucket {place.bucket}"
