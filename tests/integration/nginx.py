"""nginx as people put it in front of the REST API: on loopback, with TLS on both sides."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = """\
daemon off;
master_process off;
error_log {folder}/error.log;
pid {folder}/pid;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  {paths}
  limit_req_zone $binary_remote_addr zone=all:64k rate=1r/m;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    proxy_connect_timeout 5s;
    {settings}
    location / {{
      proxy_pass {upstream};
      proxy_set_header Host $http_host;
      {location}
    }}
  }}
}}
"""
_OWN = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def missing() -> str:
    """Why there can be no nginx here; empty where nothing is known to stand in the way."""
    return "" if program() else "not installed: nginx"


def program() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def nginx(folder: Path, upstream: str, identity: Path, *, settings: str = "", location: str = "") -> Iterator[int]:
    """The port of a server that passes requests on to `upstream`. `identity` is a PEM with certificate and key;
    `settings` are lines of its configuration, `location` those of the place that passes on."""
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    text = SETTINGS.format(
        folder=folder,
        port=port,
        certificate=identity,
        key=identity,
        upstream=upstream,
        settings=settings,
        location=location,
        paths="".join(f"{name}_temp_path {folder}/{name};" for name in _OWN),
    )
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    command = [program() or "nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port, process, folder)
            yield port
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nginx did not start: {(folder / 'error.log').read_text('utf-8')}")
