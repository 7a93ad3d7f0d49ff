"""Other people's clients on the lab: schemathesis, Ansible, and OpenSSH with scp and sftp.

`make peers` installs the first two in a separate environment.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reconciler.kinds import api
from reconciler.lab.pki import Authority
from reconciler.lab.server.server import ROUTES
from tests.lab.hosts.hosts_world import PASSWORDS, hosts_world
from tests.lab.hosts.hosts_world import World as HostsWorld
from tests.lab.server.test_conformance import REFUSED
from tests.lab.server.world import World
from tests.openapi.document import document

pytestmark = pytest.mark.integration
BIN = Path(__file__).parents[2] / ".venv/peers/bin"
SECONDS = 300
CHECKS = (
    "status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,"
    "negative_data_rejection,missing_required_header,ignored_auth,use_after_free"
)
"""Without those of which the documents say nothing: what is refused for another reason than its form, and with which
status; and methods that the product has and the lab refuses."""


def program(name: str) -> str:
    if not (BIN / name).exists():
        pytest.skip(f"{name} is not installed: make peers")
    return str(BIN / name)


def done(command: Sequence[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, cwd=folder, env=kept | environment, text=True, capture_output=True, check=False, timeout=SECONDS
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[World, Path]]:
    authority = Authority(tmp_path / "pki")
    identity, own = authority.host("vbo01.example.com", ["127.0.0.1"]), authority.self_signed("server")
    trusting = ssl.create_default_context(cafile=str(authority.ca_file))
    world = World(tmp_path, authority.context(identity), trusting, (own.cert_pem + own.key_pem).decode())
    world.start()
    yield world, authority.ca_file
    world.hosts.gate.set()
    world.stop()
    assert world.server.bugs == []


@pytest.mark.parametrize("rest", api.VERSIONS)
def test_schemathesis_finds_no_deviation(server: tuple[World, Path], tmp_path: Path, rest: int) -> None:
    world, ca = server
    command = [program("schemathesis"), "run", "document.json", "--url", world.url, "--tls-verify", str(ca)]
    world.option(request_bodies="documented")
    repository = world.add_disk(world.add_proxy("win-1"))
    world.add_bucket(proxyPoolId=world.add_pool("lnx-1", "lnx-2"))
    world.add_job(repository)
    served = {(route.method, route.path) for route in ROUTES if rest in route.status}
    served -= {operation for operation in served if operation[1].startswith("token") or operation[1] in REFUSED}
    data = world.document.data
    known = {
        "proxyId": list(data["proxies"]),
        "poolId": list(data["pools"]),
        "repositoryId": [*data["repositories"], *data["object_storage"]],
        "jobId": list(data["jobs"]),
        "organizationId": list(data["organizations"]),
        "accountId": list(data["accounts"]),
    }
    (tmp_path / "document.json").write_text(json.dumps(document(rest, served, known)))
    command += ["--phases", "fuzzing", "--max-examples", "1", "--seed", "1", "--checks", CHECKS, "--warnings", "off"]
    command += ["--suppress-health-check", "all", "--request-timeout", "60"]
    found = done([*command, "-H", f"Authorization: Bearer {world.client(rest).token}"], tmp_path)
    assert found.returncode == 0, found.stdout[-8000:] + found.stderr[-2000:]
    assert len(served) > 60


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostsWorld]:
    with hosts_world(tmp_path_factory.mktemp("hosts")) as made:
        yield made


def ssh_options(world: HostsWorld, folder: Path) -> list[str]:
    address, port = world.network.resolve(world.lnx.name, 22)
    (folder / "known_hosts").write_text(f"[{address}]:{port} {world.lnx.public_key}\n")
    options = ["-F", "none", "-i", str(world.folder / "id"), "-o", f"UserKnownHostsFile={folder / 'known_hosts'}"]
    return [*options, "-o", f"Port={port}", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"]


def of_openssh(name: str) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"OpenSSH's {name} is not installed")
    return name


@pytest.mark.parametrize("protocol", ["scp", "sftp"])
def test_scp_copies_there_and_back(hosts: HostsWorld, tmp_path: Path, protocol: str) -> None:
    address, _ = hosts.network.resolve(hosts.lnx.name, 22)
    options = [of_openssh("scp"), *(["-O"] if protocol == "scp" else []), *ssh_options(hosts, tmp_path)]
    (tmp_path / "a file").write_bytes(b"x" * 300_000)
    for command in (["a file", f"backup@{address}:copy"], [f"backup@{address}:copy", "back"]):
        copied = done([*options, *command], tmp_path)
        assert (copied.returncode, copied.stderr) == (0, "")
    assert (tmp_path / "back").read_bytes() == (hosts.lnx.root / "home/backup/copy").read_bytes() == b"x" * 300_000


def test_sftp_and_a_terminal(hosts: HostsWorld, tmp_path: Path) -> None:
    address, _ = hosts.network.resolve(hosts.lnx.name, 22)
    (tmp_path / "batch").write_text("put batch there\nrename there moved\nls -l\nmkdir new\nrmdir new\nrm moved\n")
    sent = done([of_openssh("sftp"), *ssh_options(hosts, tmp_path), "-b", "batch", f"backup@{address}"], tmp_path)
    assert (sent.returncode, "moved" in sent.stdout) == (0, True), sent.stderr
    command = [
        of_openssh("ssh"),
        "-tt",
        *ssh_options(hosts, tmp_path),
        f"backup@{address}",
        "test -t 0; echo $?; exit 7",
    ]
    shown = done(command, tmp_path)
    assert (shown.returncode, shown.stdout) == (7, "0\n")


def ansible(world: HostsWorld, folder: Path, host: str, *arguments: str) -> str:
    """What Ansible says about one host."""
    address, port = world.network.resolve(world.lnx.name, 22)
    arguments_of_ssh = " ".join(shlex.quote(item) for item in ssh_options(world, folder) if item)
    lon, _ = world.network.resolve(world.lon.name, 5986)
    password, ca = PASSWORDS["lon"], world.authority.ca_file
    windows = {"ansible_host": lon, "ansible_user": "CORP\\svc", "ansible_password": password}
    inventory = {
        "all": {
            "hosts": {
                "lnx": {
                    "ansible_host": address,
                    "ansible_port": port,
                    "ansible_user": "backup",
                    "ansible_become_password": PASSWORDS["lnx"],
                    "ansible_ssh_common_args": arguments_of_ssh,
                    "ansible_python_interpreter": "/usr/bin/python3",
                },
                "winrm": windows
                | {
                    "ansible_connection": "winrm",
                    "ansible_port": 5986,
                    "ansible_winrm_transport": "ntlm",
                    "ansible_winrm_ca_trust_path": str(ca),
                },
                "psrp": windows | {"ansible_connection": "psrp", "ansible_psrp_ca_cert": str(ca)},
            }
        }
    }
    (folder / "hosts.json").write_text(json.dumps(inventory))
    command = [program("ansible"), "-i", "hosts.json", host, *arguments]
    said = done(command, folder, ANSIBLE_NOCOLOR="1", ANSIBLE_SSH_ARGS="-o ControlMaster=no")
    return said.stdout + said.stderr


def test_ansible_on_a_linux_host(hosts: HostsWorld, tmp_path: Path) -> None:
    of_openssh("ssh")
    assert "uid=1000(backup)" in ansible(hosts, tmp_path, "lnx", "-m", "raw", "-a", "id")
    assert "uid=0(root)" in ansible(hosts, tmp_path, "lnx", "--become", "-m", "raw", "-a", "id")
    (tmp_path / "own").write_text("own")
    copied = ansible(hosts, tmp_path, "lnx", "--become", "-m", "copy", "-a", "src=own dest=/opt/own mode=0640")
    assert '"changed": true' in copied
    assert (hosts.lnx.root / "opt/own").read_text() == "own"


def test_ansible_on_a_windows_host(hosts: HostsWorld, tmp_path: Path) -> None:
    assert "PX-LON-1" in ansible(hosts, tmp_path, "winrm", "-m", "raw", "-a", "hostname")
    assert "without PowerShell" in ansible(hosts, tmp_path, "winrm", "-m", "raw", "-a", "Get-Service")
    assert "no PowerShell remoting" in ansible(hosts, tmp_path, "psrp", "-m", "raw", "-a", "hostname")
