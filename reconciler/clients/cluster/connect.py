"""Connects to a Dask cluster, and refuses one that would not do: without TLS, with other versions, with no workers."""

from __future__ import annotations

import asyncio
import ipaddress
import shlex
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from reconciler.installation import Installation, install_command
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.sentences import listed

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security
    from tornado.ioloop import IOLoop

    from reconciler.clients.cluster.cluster import Cluster
    from reconciler.clients.cluster.worker import Greeting

_SECONDS: Final = 15
_SCHEMES: Final = ("dask", "tls")
_TLS: Final = (
    "Give the scheduler, the workers and this command certificates of one authority:\n"
    "  export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=ca.pem\n"
    "  export DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=client.pem DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY=client.key"
)


@contextmanager
def open_cluster(url: str, sites: Iterable[str]) -> Iterator[Cluster]:
    """The cluster whose scheduler is at `url`, `dask://HOST:PORT` or `tls://HOST:PORT`, with workers at all `sites`.
    Raises Diagnosed."""
    host, port, is_tls = _parsed(url)
    if find_spec("distributed") is None:
        raise Diagnosed([_problem("The package for Dask is not installed", f"{url} needs `distributed`.", _install())])
    from reconciler.clients.cluster.cluster import Cluster

    security = _security(url, host, is_tls=is_tls)
    with (
        _event_loop() as loop,
        closing(Cluster(_connected(url, host, port, security, loop), f"{host}:{port}")) as cluster,
    ):
        _check_workers(url, cluster)
        cluster.refresh()
        if missing := cluster.missing(sites):
            detail = f"No worker is at {listed(missing, 'and')}, where hosts of the inventory are."
            lines = [f"  dask worker tls://{host}:{port} --resources site:{site}=1" for site in missing]
            raise Diagnosed([_problem("No worker near a site", detail, "Start one there:\n" + "\n".join(lines))])
        yield cluster


@contextmanager
def _event_loop() -> Iterator[IOLoop]:
    """An event loop in a thread. That of a client runs on for good if the client could not connect or close."""
    from tornado.ioloop import IOLoop

    begun: Future[tuple[IOLoop, asyncio.Event]] = Future()

    async def run() -> None:
        end = asyncio.Event()
        begun.set_result((IOLoop.current(), end))
        await end.wait()

    thread = Thread(target=lambda: asyncio.run(run()), name="cluster", daemon=True)
    thread.start()
    loop, end = begun.result()
    try:
        yield loop
    finally:
        loop.add_callback(end.set)
        thread.join(_SECONDS)


def _parsed(url: str) -> tuple[str, int, bool]:
    """Host, port, and whether TLS is required."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    else:
        if parts.scheme in _SCHEMES and host and port and not parts.path.strip("/") and parts.username is None:
            return host, port, parts.scheme == "tls"
    detail = f"{url!r} is not the address of a scheduler."
    raise Diagnosed([_problem("The executor cannot be used", detail, "Use --executor tls://HOST:PORT.")])


def _security(url: str, host: str, *, is_tls: bool) -> Security | None:
    """TLS with the files that Dask's own configuration names; None on this machine without any."""
    import dask
    from distributed.security import Security

    named = [dask.config.get(f"distributed.comm.tls.{key}", None) for key in ("ca-file", "client.cert", "client.key")]
    if all(named):
        return Security(require_encryption=True)
    if is_tls or not _is_loopback(host):
        detail = f"Dask's configuration names no certificates, and {url} is reached through TLS only."
        raise Diagnosed([_problem("The cluster is not protected by TLS", detail, _TLS)])
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _connected(url: str, host: str, port: int, security: Security | None, loop: IOLoop) -> Client:
    from distributed import Client

    shown = f"[{host}]" if ":" in host else host
    address = f"{'tcp' if security is None else 'tls'}://{shown}:{port}"
    try:
        return Client(address, loop=loop, security=security, timeout=_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        detail = f"The scheduler at {url} does not answer within {_SECONDS} s, or not with TLS that both sides trust."
        fix = f"Start it, or correct the address:\n  dask scheduler --port {port}"
        raise Diagnosed([_problem("No connection to the scheduler", detail, fix)]) from error


def _check_workers(url: str, cluster: Cluster) -> None:
    """Raises Diagnosed if what the workers run is not what runs here."""
    from reconciler.clients.cluster.worker import our_version, python_version

    try:
        greetings = cluster.greetings()
    except (ImportError, AttributeError) as error:
        detail = f"A worker of {url} has no vbo-reconcile, or another version of it."
        raise Diagnosed([_problem("Workers with another version", detail, _same(our_version()))]) from error
    if not greetings:
        detail = f"The scheduler at {url} has no workers that answer."
        fix = "Start one or more, with the same vbo-reconcile:\n  dask worker SCHEDULER"
        raise Diagnosed([_problem("The cluster has no workers", detail, fix)])
    wrong = sorted(_differing(greetings, our_version(), python_version()))
    if wrong:
        detail = f"Here are Python {python_version()} and vbo-reconcile {our_version()}. {' '.join(wrong)}"
        raise Diagnosed([_problem("Workers with another version", detail, _same(our_version()))])


def _differing(greetings: Mapping[str, Greeting], own: str, python: str) -> Iterator[str]:
    for address, found in greetings.items():
        if (found.version, found.python) != (own, python):
            yield f"{address} has Python {found.python} and vbo-reconcile {found.version}."


def _install() -> str:
    return f"Install it, here and on the workers:\n  {install_command('dask')}"


def _same(own: str) -> str:
    """Workers may have another shell than this machine, so the command is that of an environment with pip."""
    what = Installation.here().elsewhere("dask", own)
    command = shlex.join(["python3", "-m", "pip", "install", what])
    copied = ", from a copy of what it was installed from here" if what.startswith(".") else ""
    return f"Install the same version there, with the same Python{copied}:\n  {command}"


def _problem(summary: str, detail: str, fix: str) -> Diagnostic:
    return Diagnostic("executor", summary, detail, fix)
