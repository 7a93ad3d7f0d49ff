"""A Dask cluster on loopback: a scheduler and workers as processes, started by Dask's own commands, with TLS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(slots=True)
class DaskCluster:
    """`environment` is what the scheduler, the workers and clients read their certificates from."""

    folder: Path
    url: str
    environment: Mapping[str, str]
    scheduler: subprocess.Popen[bytes]
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    preload: Path | None = None

    @property
    def scratch(self) -> Path:
        """Where each worker has a folder, as all of one machine have."""
        return self.folder / "dask-scratch-space"

    def start_worker(self, name: str, *, site: str = "", threads: int = 4) -> None:
        options = ["--resources", f"site:{site}=1"] if site else []
        options += ["--preload", str(self.preload)] if self.preload else []
        command = ["worker", self.url, "--name", name, "--nthreads", str(threads), "--no-nanny", "--no-dashboard"]
        home = self.folder / name
        home.mkdir()
        more = ["--memory-limit", "0", "--local-directory", str(self.scratch), *options]
        self.workers[name] = _start(self.folder / f"{name}.log", [*command, *more], self.environment, home)

    def kill(self, name: str) -> None:
        self.workers[name].send_signal(signal.SIGKILL)
        self.workers[name].wait()

    def end(self, name: str) -> None:
        """As a service manager ends it."""
        self.workers[name].send_signal(signal.SIGTERM)
        self.workers[name].wait()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client of the test itself, which sees what the workers do."""
        from distributed import Client
        from distributed.security import Security

        pem, key = str(self.folder / "node.pem"), str(self.folder / "node.key")
        tls = Security(
            tls_ca_file=str(self.folder / "ca.pem"), tls_client_cert=pem, tls_client_key=key, require_encryption=True
        )
        with Client(self.url, security=tls, set_as_default=False) as client:
            yield client


@contextmanager
def dask_cluster(
    folder: Path,
    workers: Sequence[tuple[str, str]],
    *,
    threads: int = 4,
    preload: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[DaskCluster]:
    """`workers` are their names and sites; `preload` is a module that each runs first, which may read `variables`. All
    of them have registered when this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    certificates(folder)
    environment = {**os.environ, **tls_environment(folder), **(variables or {})}
    where = folder / "scheduler.json"
    command = ["scheduler", "--protocol", "tls", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    scheduler = _start(folder / "scheduler.log", [*command, "--scheduler-file", str(where)], environment, folder)
    cluster = DaskCluster(folder, "", environment, scheduler, preload=preload)
    try:
        cluster.url = _address(where, scheduler)
        for name, site in workers:
            cluster.start_worker(name, site=site, threads=threads)
        with cluster.client() as client:
            client.wait_for_workers(len(workers))
        yield cluster
    finally:
        for process in (*cluster.workers.values(), scheduler):
            process.kill()
            process.wait()


def _address(file: Path, scheduler: subprocess.Popen[bytes]) -> str:
    """What the scheduler writes of itself once it listens."""
    while scheduler.poll() is None:
        try:
            return str(json.loads(file.read_bytes())["address"])
        except (OSError, ValueError):
            time.sleep(0.1)
    raise AssertionError((file.parent / "scheduler.log").read_text("utf-8", "replace"))


def tls_environment(folder: Path) -> dict[str, str]:
    prefix = "DASK_DISTRIBUTED__COMM__"
    found = {f"{prefix}TLS__CA_FILE": str(folder / "ca.pem"), f"{prefix}REQUIRE_ENCRYPTION": "true"}
    found |= {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false", "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        found |= {
            f"{prefix}TLS__{role}__CERT": str(folder / "node.pem"),
            f"{prefix}TLS__{role}__KEY": str(folder / "node.key"),
        }
    return found


def _start(log: Path, words: Sequence[str], environment: Mapping[str, str], home: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=dict(environment),
            cwd=home,
        )


def certificates(folder: Path) -> None:
    """An authority, and one certificate for every node: each is client and server."""
    authority, node = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    for name, key in (("ca", authority), ("node", node)):
        is_authority = name == "ca"
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .sign(authority, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{name}.key").write_bytes(private)
