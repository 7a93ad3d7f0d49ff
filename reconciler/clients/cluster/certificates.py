"""TLS with the files that Dask's own configuration names, and why a scheduler cannot be reached with them."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

from reconciler import timing

_ALERT_SECONDS: Final = 2.0
"""TLS 1.3 refuses the certificate of a client after its handshake."""
_OWN: Final = (
    "Give the scheduler, the workers and this command certificates of one authority:\n"
    "  export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=ca.pem\n"
    "  export DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=client.pem DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY=client.key"
)


class Unusable(Exception):
    """What is wrong in `detail`, and a `fix`."""

    def __init__(self, detail: str, fix: str = _OWN) -> None:
        super().__init__(detail)
        self.detail, self.fix = detail, fix


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The authority of the cluster, and the certificate of this command with its key: paths of PEM files."""

    ca_file: str
    cert: str
    key: str

    def context(self) -> ssl.SSLContext:
        """As Dask makes one. Raises Unusable."""
        for file in (self.ca_file, self.cert, self.key):
            try:
                Path(file).read_bytes()
            except (OSError, ValueError) as error:
                raise Unusable(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # Dask verifies no names
        try:
            context.load_verify_locations(self.ca_file)
        except ssl.SSLError as error:
            raise Unusable(f"{self.ca_file} holds no certificate in PEM.") from error
        self._check_dates()
        try:
            context.load_cert_chain(self.cert, self.key, password="")
        except (ssl.SSLError, ValueError) as error:
            is_other = "KEY_VALUES_MISMATCH" in str(error)
            why = f"is not the key of {self.cert}" if is_other else "holds no private key in PEM without a passphrase"
            raise Unusable(f"{self.key} {why}.") from error
        return context

    def _check_dates(self) -> None:
        from cryptography import x509

        try:
            found = x509.load_pem_x509_certificate(Path(self.cert).read_bytes())
        except ValueError as error:
            raise Unusable(f"{self.cert} holds no certificate in PEM.") from error
        begin, end, now = found.not_valid_before_utc, found.not_valid_after_utc, timing.utc_now().astimezone(UTC)
        if not begin <= now <= end:
            dates = f"expired at {end:%Y-%m-%d %H:%M}" if now > end else f"is not valid before {begin:%Y-%m-%d %H:%M}"
            fix = "Get a new certificate of the same authority, or correct the clock of this machine."
            raise Unusable(f"The certificate {self.cert} {dates} UTC.", fix)


def named_files() -> TlsFiles | None:
    """The files that Dask's configuration names for clients; None if one is missing."""
    import dask

    keys = ("ca-file", "client.cert", "client.key")
    named = [dask.config.get(f"distributed.comm.tls.{key}", None) for key in keys]
    return TlsFiles(*map(str, named)) if all(named) else None


def no_certificates(url: str) -> Unusable:
    return Unusable(f"Dask's configuration names no certificates, and {url} is reached through TLS only.")


def why_not_reached(url: str, target: tuple[str, int], files: TlsFiles | None, seconds: float) -> Unusable:
    """What a separate connection shows, after that of Dask has failed."""
    command = f"  dask scheduler{' --protocol tls' if files else ''} --port {target[1]}"
    start = f"Start it, or correct the address:\n{command}"
    try:
        with socket.create_connection(target, seconds) as plain:
            if files is None:
                return Unusable(f"The scheduler at {url} does not answer without TLS.")
            return _over_tls(url, plain, files, command)
    except Unusable as error:  # the files have changed meanwhile
        return error
    except socket.gaierror as error:
        return Unusable(f"The name {target[0]} of the scheduler is not found: {error.strerror}.", start)
    except ConnectionRefusedError:
        return Unusable(f"The scheduler at {url} is not running: nothing listens there.", start)
    except TimeoutError:
        return Unusable(f"The scheduler at {url} does not answer within {seconds:g} s.", start)
    except OSError as error:
        return Unusable(f"The scheduler at {url} is not reached: {error.strerror or error}.", start)


def _over_tls(url: str, plain: socket.socket, files: TlsFiles, command: str) -> Unusable:
    try:
        with files.context().wrap_socket(plain) as secured:
            secured.settimeout(_ALERT_SECONDS)
            secured.recv(1)
    except ssl.SSLCertVerificationError as error:
        why = f"its certificate is not one of the authority in {files.ca_file} ({error.verify_message})"
        return Unusable(f"The scheduler at {url} is not trusted: {why}.")
    except ssl.SSLError as error:
        reason = str(error.reason or "").lower().replace("_", " ")
        if "alert" in reason:
            words = reason.partition("alert ")[2] or reason
            return Unusable(f"The scheduler at {url} refuses the certificate {files.cert}: {words}.")
        return Unusable(f"The scheduler at {url} does not use TLS.", f"Start it with TLS:\n{command}")
    except TimeoutError:  # it accepts the certificate
        pass
    return Unusable(
        f"The scheduler at {url} takes connections and does not answer.",
        f"Is it a scheduler of Dask? Its log may say more. Else start one:\n{command}",
    )
