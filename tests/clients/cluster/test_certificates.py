"""What is wrong with the certificates for a cluster, and why its scheduler is not reached, in words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from reconciler import timing
from reconciler.clients.cluster.certificates import TlsFiles, Unusable, why_not_reached
from tests.dask_cluster import certificates
from tests.ports import refused_port


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    certificates(tmp_path)
    (tmp_path / "other").mkdir()
    certificates(tmp_path / "other")
    (tmp_path / "text").write_text("no certificate")
    return tmp_path


def files(pki: Path, ca: str = "ca.pem", cert: str = "node.pem", key: str = "node.key") -> TlsFiles:
    return TlsFiles(str(pki / ca), str(pki / cert), str(pki / key))


def test_files_that_can_be_used(pki: Path) -> None:
    assert files(pki).context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"ca": "none.pem"}, "none.pem cannot be read: No such file or directory."),
        ({"ca": "text"}, "text holds no certificate in PEM."),
        ({"cert": "text"}, "text holds no certificate in PEM."),
        ({"key": "text"}, "text holds no private key in PEM without a passphrase."),
        ({"key": "other/node.key"}, "other/node.key is not the key of {pki}/node.pem."),
    ],
)
def test_files_that_cannot_be_used(pki: Path, named: dict[str, str], words: str) -> None:
    with pytest.raises(Unusable) as error:
        files(pki, **named).context()
    assert error.value.detail == f"{pki}/{words.format(pki=pki)}"


@pytest.mark.parametrize(("year", "words"), [(2000, "is not valid before 20"), (2090, "expired at 20")])
def test_a_certificate_out_of_its_time(pki: Path, monkeypatch: pytest.MonkeyPatch, year: int, words: str) -> None:
    monkeypatch.setattr(timing, "utc_now", lambda: datetime(year, 1, 1, tzinfo=UTC))
    with pytest.raises(Unusable) as error:
        files(pki).context()
    assert words in error.value.detail


@contextmanager
def listening(pki: Path | None, trusted: Path | None = None) -> Iterator[int]:
    """A port with TLS, that verifies clients and sends nothing, or without TLS one that ends what it does not know."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                if pki is None:
                    with connection:
                        connection.sendall(b"not TLS at all" * 10)
                        connection.recv(1)
                    return
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(pki / "node.pem", pki / "node.key")
                context.load_verify_locations((trusted or pki) / "ca.pem")
                context.verify_mode = ssl.CERT_REQUIRED
                with connection, context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)

        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def reason(pki: Path, port: int, host: str = "127.0.0.1") -> Unusable:
    return why_not_reached("tls://dask:8786", (host, port), files(pki), 5)


def test_why_a_scheduler_is_not_reached(pki: Path) -> None:
    with refused_port() as port:
        found = reason(pki, port)
    assert (found.detail, found.fix.splitlines()[1]) == (
        "The scheduler at tls://dask:8786 is not running: nothing listens there.",
        f"  dask scheduler --protocol tls --port {port}",
    )
    assert reason(pki, 8786, "dask.invalid").detail.startswith("The name dask.invalid of the scheduler is not found: ")
    with listening(None) as port:
        assert reason(pki, port).detail == "The scheduler at tls://dask:8786 does not use TLS."
    with listening(pki) as port:
        assert reason(pki, port).detail == "The scheduler at tls://dask:8786 takes connections and does not answer."
    with listening(None) as port:
        (pki / "node.key").unlink()
        assert reason(pki, port).detail == f"{pki}/node.key cannot be read: No such file or directory."


def test_why_certificates_are_not_trusted(pki: Path) -> None:
    with listening(pki / "other") as port:
        assert f"is not one of the authority in {pki}/ca.pem (" in reason(pki, port).detail
    with listening(pki, trusted=pki / "other") as port:
        assert f"refuses the certificate {pki}/node.pem: " in reason(pki, port).detail


def test_a_scheduler_that_wants_tls(pki: Path) -> None:
    with listening(pki) as port:
        found = why_not_reached("tcp://dask:8786", ("127.0.0.1", port), None, 5)
    assert found.detail == "The scheduler at tcp://dask:8786 does not answer without TLS."
