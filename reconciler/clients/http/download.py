"""Installation packages on this machine: a file beside the inventory, or one that is downloaded once and kept.

The SHA-256 is verified before a package is used. Downloads are kept in the user's cache folder, which is private, under
their digest.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler import timing
from reconciler.clients.sockets import socket_deadline
from reconciler.model.connection import Trust
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.errors import BadAnswer, DeadlineExceeded, Refused
from reconciler.model.url import host_of, joined
from reconciler.user_folders import cache_folder, private_folder

if TYPE_CHECKING:
    import httpx

    from reconciler.model.connection import Package

_CHUNK: Final = 1 << 20
_WHAT: Final = "downloading a package"
_LARGEST: Final = 4 << 30
_REDIRECTS: Final = 5
_HINT: Final = (
    "The address is `service.package.source`; `service.package.ca_file` names the authority of a web server that this "
    "system does not know."
)


def fetch(package: Package, root: str, *, deadline: float, folder: Path | None = None) -> Path:
    """The path of `package` on this machine, verified. `root` is the folder of the inventory, `folder`
    where downloads are kept, `deadline` in seconds.

    Raises Diagnosed if the file is missing or has another digest, and RemoteError if it cannot be downloaded.
    """
    if not package.source.startswith("https://"):
        return _beside(package, Path(root, package.source))
    kept = _kept_in(folder or cache_folder() / "packages") / package.sha256
    if not kept.is_file() or digest(kept) != package.sha256:
        _download(package, root, kept, deadline)
    return kept


def _kept_in(folder: Path) -> Path:
    try:
        return private_folder(folder)
    except OSError as error:
        raise _no_cache(folder, error) from error


def _no_cache(folder: Path, error: OSError) -> Diagnosed:
    fix = "Make the folder writable for this account, or set XDG_CACHE_HOME to one that is."
    detail = f"{folder} cannot be written: {error.strerror}."
    return Diagnosed([Diagnostic("package-cache", "Package cannot be kept", detail, fix)])


def digest(file: Path) -> str:
    """SHA-256 in hexadecimal. Raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _beside(package: Package, file: Path) -> Path:
    try:
        found = digest(file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise _problem("package-missing", f"{package.source} cannot be read: {reason}.") from error
    if found != package.sha256:
        raise _another(package, found)
    return file


def _another(package: Package, found: str) -> Diagnosed:
    detail = f"The SHA-256 of {package.source} is {found}, and {package.sha256} is declared."
    return _problem("package-digest", detail)


def _problem(code: str, detail: str) -> Diagnosed:
    fix = "Get the right file, or correct `service.package`; compare the digest with the one that the vendor publishes."
    return Diagnosed([Diagnostic(code, "Package cannot be used", detail, fix)])


def _download(package: Package, root: str, target: Path, seconds: float) -> None:
    """To a temporary file first: an incomplete or wrong download never gets the final name."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix="part-")
    except OSError as error:
        raise _no_cache(target.parent, error) from error
    try:
        found = hashlib.sha256()
        with os.fdopen(handle, "wb") as file:
            for data in _stream(package, root, seconds):
                found.update(data)
                file.write(data)
        if found.hexdigest() != package.sha256:
            raise _another(package, found.hexdigest())
        Path(name).replace(target)
    except OSError as error:  # what the connection raises is a RemoteError
        raise _no_cache(target.parent, error) from error
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _stream(package: Package, root: str, seconds: float) -> Iterator[bytes]:
    import httpx

    from reconciler.clients.http import faults, proxies, tls
    from reconciler.clients.http.transport import Transport

    peer = host_of(package.source)
    end = timing.monotonic() + seconds
    trusted = tls.Peer(peer, (peer, 443), Trust(package.ca_file), seconds, "service.package.")
    context = tls.context_for(trusted, root)
    proxy = proxies.proxy_for(package.source, _WHAT)
    try:
        with (
            socket_deadline(lambda: end - timing.monotonic()),
            httpx.Client(
                transport=Transport(context, proxy), timeout=httpx.Timeout(60.0, connect=15.0), trust_env=False
            ) as client,
        ):
            yield from _follow(client, package.source, peer)
    except faults.CAUGHT as error:
        if timing.monotonic() >= end:
            raise DeadlineExceeded(peer, _WHAT, f"not done after {seconds:g} s") from error
        fault = faults.translate(error, peer, _WHAT + proxies.named(proxy))
        raise type(fault)(peer, fault.what, fault.reason, hint=_HINT) from error


def _follow(client: httpx.Client, address: str, peer: str) -> Iterator[bytes]:
    """The content of `address`. Redirects are followed over https only."""
    for _ in range(_REDIRECTS):
        with client.stream("GET", address) as answer:
            if not answer.has_redirect_location:
                yield from _body(answer, peer)
                return
            address = joined(address, answer.headers["location"])
        if not address.startswith("https://"):
            raise BadAnswer(peer, _WHAT, "it redirects to an address without https")
    raise BadAnswer(peer, _WHAT, f"it redirects more than {_REDIRECTS} times")


def _body(answer: httpx.Response, peer: str) -> Iterator[bytes]:
    if answer.status_code != 200:
        reason = f"{answer.status_code} {answer.reason_phrase}".strip()
        raise Refused(peer, _WHAT, reason, status=answer.status_code)
    size = 0
    for data in answer.iter_bytes(_CHUNK):
        size += len(data)
        if size > _LARGEST:
            raise BadAnswer(peer, _WHAT, f"it is larger than {_LARGEST >> 30} GB")
        yield data
