"""Connects to a Dask cluster, and refuses one that would not do: without TLS, with other versions, with no workers."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from reconciler.clients.cluster.certificates import TlsFiles, Unusable, named_files, no_certificates, why_not_reached
from reconciler.installation import Installation, install_command
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.errors import Unreachable
from reconciler.model.sentences import listed

if TYPE_CHECKING:
    from distributed import Client
    from tornado.ioloop import IOLoop

    from reconciler.clients.cluster.cluster import Cluster
    from reconciler.clients.cluster.worker import Greeting

_SECONDS: Final = 15
_SECRET: Final = re.compile(r"(?:(?<=//)|^(?!.*//)).*(?=@)|(?<=[?#]).*", re.DOTALL)
"""Parts of an address that may be secret. A scheduler takes none of them."""
_SCHEMES: Final = ("dask", "tls")


@contextmanager
def open_cluster(url: str, sites: Iterable[str]) -> Iterator[Cluster]:
    """The cluster whose scheduler is at `url`, `dask://HOST:PORT` or `tls://HOST:PORT`, with workers at all `sites`.
    Raises Diagnosed."""
    host, port, is_tls = _parsed(url)
    if find_spec("distributed") is None:
        raise Diagnosed([_problem("The package for Dask is not installed", f"{url} needs `distributed`.", _install())])
    from reconciler.clients.cluster.cluster import Cluster

    files = _tls(url, host, is_tls=is_tls)
    address = f"{'tcp' if files is None else 'tls'}://{f'[{host}]' if ':' in host else host}:{port}"
    with (
        _event_loop() as loop,
        closing(Cluster(_connected(address, (host, port), files, loop), f"{host}:{port}")) as cluster,
    ):
        with cluster.scheduler(address, "asking which workers it has", Unreachable):
            _check_workers(address, cluster)
            cluster.refresh()
        if missing := cluster.missing(sites):
            detail = f"No worker is at {listed(missing, 'and')}, where hosts of the inventory are."
            lines = [f"  dask worker {address} --resources site:{site}=1" for site in missing]
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
        more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
        if parts.scheme in _SCHEMES and host and port and not more:
            return host, port, parts.scheme == "tls"
    detail = f"{_SECRET.sub('…', url)!r} is not the address of a scheduler."
    raise Diagnosed([_problem("The executor cannot be used", detail, "Use --executor tls://HOST:PORT.")])


def _tls(url: str, host: str, *, is_tls: bool) -> TlsFiles | None:
    """The files of Dask's configuration; None without TLS, on this machine."""
    import dask

    files = named_files()
    try:
        if files is not None:
            files.context()
        elif is_tls or not _is_loopback(host) or dask.config.get("distributed.comm.require-encryption", None):
            raise no_certificates(url)
    except Unusable as error:
        raise Diagnosed([_problem("The cluster is not protected by TLS", error.detail, error.fix)]) from error
    return files


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _connected(address: str, target: tuple[str, int], files: TlsFiles | None, loop: IOLoop) -> Client:
    from distributed import Client
    from distributed.security import Security

    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # lost connections are reported, without tracebacks
    security = None if files is None else Security(require_encryption=True)
    try:
        return Client(address, loop=loop, security=security, timeout=_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        found = why_not_reached(address, target, files, _SECONDS)
        raise Diagnosed([_problem("No connection to the scheduler", found.detail, found.fix)]) from error


def _check_workers(address: str, cluster: Cluster) -> None:
    """Raises Diagnosed if what the workers run is not what runs here."""
    from reconciler.clients.cluster.worker import Greeting, our_version, python_version

    answers = cluster.greetings()
    without = sorted(worker for worker, item in answers.items() if not isinstance(item, Greeting))
    if without:
        detail = f"{listed(without, 'and')} of {address} cannot load vbo-reconcile, or have another version of it."
        raise Diagnosed([_problem("Workers with another version", detail, _same(our_version()))])
    greetings = {worker: item for worker, item in answers.items() if isinstance(item, Greeting)}
    if not greetings:
        detail = f"The scheduler at {address} has no workers that answer."
        fix = f"Start one or more, with the same vbo-reconcile:\n  dask worker {address}"
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
