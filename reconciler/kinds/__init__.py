"""The kinds that are reconciled, one file each, as data.

To support one more field: one line in the file of its kind, one property in `schemas/inventory.schema.json`, one case
file under `tests/kinds/cases/`. A field that names other objects says so with `refers`; a kind whose objects have a
state names what reads it (`kinds/states.py`).
"""

from reconciler.kinds.certificate import CERTIFICATE
from reconciler.kinds.copy_job import COPY_JOB
from reconciler.kinds.field import Context, Field, Kind, Mode
from reconciler.kinds.job import JOB
from reconciler.kinds.organization import ORGANIZATION
from reconciler.kinds.pool import POOL
from reconciler.kinds.proxy import PROXY
from reconciler.kinds.repository import REPOSITORY
from reconciler.kinds.smtp import SMTP

_ALL = (CERTIFICATE, COPY_JOB, JOB, ORGANIZATION, POOL, PROXY, REPOSITORY, SMTP)
KINDS: dict[str, Kind] = {kind.name: kind for kind in sorted(_ALL, key=lambda kind: kind.rank)}

__all__ = ["KINDS", "Context", "Field", "Kind", "Mode"]
