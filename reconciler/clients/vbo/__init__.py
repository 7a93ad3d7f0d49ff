"""The REST API of the backup server, versions 5 to 8.

`connect` finds the version and logs in; `Reader` and `Writer` are two types, so that a preview cannot write. httpx is
loaded by `connect`, not by importing this package.
"""

from reconciler.clients.vbo.dialect import Dialect, dialect_of, link_id
from reconciler.clients.vbo.reader import Reader
from reconciler.clients.vbo.recorded import RecordedReader
from reconciler.clients.vbo.session import Session, Writer, connect

__all__ = ["Dialect", "Reader", "RecordedReader", "Session", "Writer", "connect", "dialect_of", "link_id"]
