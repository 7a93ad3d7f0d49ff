"""Reading a server with N jobs whose items are compared, beside the same requests over plain keep-alive connections.

    python -m tests.bench.bench_rest [N] [--latency SECONDS] [--repeat TIMES]

v8 lists the items of each job at a separate address, so this takes N requests and a few more. The server is another
process that answers over TLS, each request after the latency. What is timed is the observation of the server, from the
first request to the last object; then as many plain connections as it uses make the same requests, side by side, and
read nothing of the answers. The limits are of the ratio of both, and of the processor time of this process for each
request.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from reconciler.clients.vbo import Reader, connect
from reconciler.inventory import load
from reconciler.kinds.naming import Naming
from reconciler.lab.pki import Authority
from reconciler.model.address import address
from reconciler.model.connection import ConnectionContext
from reconciler.model.secret import Secret, SecretRef
from reconciler.observe.server import read_server

CONNECTIONS: Final = 16
RATIO, MILLISECONDS = 1.5, 1.5
"""At most of the time of plain connections, and of processor time for each request."""
HOST: Final = "vbo.example.com"
ORGANIZATION: Final = "contoso.example.com"


def answers(count: int) -> dict[str, Any]:
    """By path, what the server says."""

    def page(*items: Any) -> dict[str, Any]:
        return {"offset": 0, "limit": 10_000, "results": list(items), "_links": {}}

    jobs = [
        {
            "id": f"job-{number}",
            "name": f"job-{number}",
            "description": "",
            "organizationId": "organization",
            "repositoryId": "repository",
            "backupType": "SelectedItems",
            "isEnabled": True,
            "lastStatus": "Success",
        }
        for number in range(count)
    ]
    left = dict.fromkeys(("archiveMailbox", "oneDrive", "sites", "teams", "teamsChats"), False)
    item = {"type": "PartialOrganization", "mailbox": True, **left}
    repository = {"id": "repository", "name": "disk", "path": "C:\\VBO", "proxyId": "local", "isOutdated": False}
    found = {
        "token": {"access_token": "t", "token_type": "bearer", "expires_in": 3600},
        "ServiceInstance": {"version": "8.5.0.1014", "installationId": "i"},
        "Organizations": page({"id": "organization", "name": ORGANIZATION}),
        "Proxies": page({"id": "local", "hostName": HOST, "type": "Local", "status": "Online"}),
        "BackupRepositories": page({**repository, "retentionType": "ItemLevel"}),
        "Jobs": page(*jobs),
    }
    return found | {f"Jobs/{job['id']}/SelectedItems": page({**item, "id": job["id"]}) for job in jobs}


async def serve(certificate: str, count: int, latency: float) -> None:
    """Prints its port first."""
    known = {f"/v8/{path}": json.dumps(document).encode() for path, document in answers(count).items()}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            target = head.split(b" ", 2)[1].decode()
            length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
            await reader.readexactly(int(length.partition(b":")[2]))
            body = known.get(target.partition("?")[0], b'{"results": []}')
            await asyncio.sleep(latency)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()

    async def ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(ended, "127.0.0.1", 0, ssl=context)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def inventory(count: int, port: int) -> str:
    head = f"""version: 1
name: bench
server: {{host: {HOST}, address: 127.0.0.1, port: {port}, rest: v8, credentials: admin, tls: {{ca_file: ca.crt}}}}
credentials:
  admin: {{username: 'CORP\\svc-vbo', password: secret://env/VBO_PASSWORD}}
proxies:
  local: {{}}
repositories:
  disk: {{proxy: local, path: 'C:\\VBO', retention: {{type: item-level, keep: 3 years}}}}
organizations:
  {ORGANIZATION}: {{proxies: [local]}}
jobs:
"""
    job = f"organization: {ORGANIZATION}, repository: disk, items: [mailbox], schedule: manual"
    return head + "".join(f"  job-{number}: {{{job}}}\n" for number in range(count))


class _Password:
    def resolve(self, reference: SecretRef) -> Secret:
        return Secret("x")


def ours(folder: Path, count: int) -> tuple[float, float, int]:
    """Seconds, processor seconds, and requests."""
    declared, diagnostics = load(folder / "inventory.yml")
    assert declared is not None, diagnostics[:3]
    context = ConnectionContext(_Password(), str(folder))
    session = connect(declared.access.server, context)
    reader = Reader(session)
    before, began, worked = sum(reader.requests.values()), time.perf_counter(), time.process_time()
    found = read_server(reader, declared, Naming(8, declared.access)).resources
    spent = time.perf_counter() - began, time.process_time() - worked, sum(reader.requests.values()) - before
    read = [found[address("job", f"job-{number}")].fields["items"] for number in range(count)]
    assert read == [["mailbox"]] * count, read[:2]
    return spent


def plain(folder: Path, port: int, paths: list[str]) -> float:
    """Seconds for the same requests over plain connections."""
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.check_hostname = False  # the connection is to the address

    def work(share: list[str]) -> None:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
        for path in share:
            connection.request("GET", path)
            connection.getresponse().read()
        connection.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(work, (paths[number::CONNECTIONS] for number in range(CONNECTIONS))))
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=3000)
    parser.add_argument("--latency", type=float, default=0.02)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve, given.count, given.latency))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = Authority(folder / "pki")
        (folder / "ca.crt").write_bytes(authority.ca_file.read_bytes())
        command = [sys.executable, "-m", "tests.bench.bench_rest", str(given.count), "--latency", str(given.latency)]
        command += ["--serve", str(authority.host(HOST, ["127.0.0.1"]).file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                return measured(folder, int(server.stdout.readline()), given.count, given.repeat)
            finally:
                server.terminate()


def measured(folder: Path, port: int, count: int, repeat: int) -> int:
    (folder / "inventory.yml").write_text(inventory(count, port), encoding="utf-8")
    times, bare, work, requests = [], [], [], 0
    for _ in range(repeat):
        seconds, worked, requests = ours(folder, count)
        paths = [f"/v8/Jobs/job-{number}/SelectedItems" for number in range(count)]
        paths += ["/v8/Jobs"] * (requests - count)
        times.append(seconds)
        work.append(worked / requests * 1000)
        bare.append(plain(folder, port, paths))
    ratio, each = statistics.median(times) / statistics.median(bare), statistics.median(work)
    text = f"{requests} requests: {statistics.median(times):.2f} s, plain {statistics.median(bare):.2f} s"
    sys.stdout.write(
        f"{text}: {ratio:.2f} times (at most {RATIO}); {each:.2f} ms of work each (at most {MILLISECONDS})\n"
    )
    return 0 if ratio <= RATIO and each < MILLISECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
