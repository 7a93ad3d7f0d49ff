"""One function for each reader of foreign text: bytes to nothing, or to the error that readers are meant to raise.

`samples` of a target are what is broken; a `bent` one is JSON, whose values are broken as well as its bytes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

from reconciler.clients import foreign_json, script_output
from reconciler.clients.ssh import host_keys
from reconciler.clients.vbo.answer import Answer, refusal
from reconciler.clients.vbo.answer import document as answer_document
from reconciler.inventory import load
from reconciler.inventory.certificates import end_of, pfx_bytes, thumbprint
from reconciler.inventory.known_drift import load_known
from reconciler.inventory.secrets import Resolver
from reconciler.inventory.trust_file import load_trust
from reconciler.journal import Journal
from reconciler.journal.errors import JournalError
from reconciler.journal.location import find_location
from reconciler.kinds import KINDS
from reconciler.kinds.api import VERSIONS
from reconciler.kinds.typed import typed
from reconciler.lab.mail.inbox import read_mail
from reconciler.model.connection import Certificate, ConnectionContext
from reconciler.model.diagnostic import Diagnosed
from reconciler.model.errors import ReconcileError, SecretError
from reconciler.model.secret import SecretRef
from reconciler.observe.probe import run_facts_scripts
from reconciler.package_data import playbooks_folder
from reconciler.plan.document import DIFF, plan_to_json
from reconciler.plan.offline import difference, nothing
from reconciler.plan.saved import read_document, to_bytes
from reconciler.plan.topology import illustrated
from reconciler.render import FORMATS, renderer
from reconciler.render.style import Style
from reconciler.requirements import Playbook
from reconciler.requirements import load as load_playbooks
from reconciler.requirements.evaluation import evaluate
from tests.bent.bends import Server, session_of
from tests.fuzz.mutate import as_bytes, bent, broken
from tests.importing.run import NAME, importing
from tests.journal import samples

TESTS = Path(__file__).parents[1]
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Target:
    """`read` is given bytes and a separate folder. `is_json` samples are broken as values too. A `slow` one is given
    a tenth of the cases."""

    name: str
    read: Callable[[bytes, Path], None]
    samples: tuple[bytes, ...]
    is_json: bool = False
    slow: bool = False

    def draw(self, random: Random) -> bytes:
        if self.is_json and random.random() < 0.8:
            return as_bytes(bent(_parsed(self.samples), random))
        return broken(self.samples, random)


@cache
def _parsed(samples: tuple[bytes, ...]) -> tuple[Any, ...]:
    return tuple(json.loads(sample) for sample in samples)


def _files(*patterns: str) -> tuple[bytes, ...]:
    found = [file for pattern in patterns for file in sorted(TESTS.parent.glob(pattern))]
    assert found, patterns
    return tuple(file.read_bytes() for file in found)


def inventory(data: bytes, folder: Path) -> None:
    (folder / "inventory.yml").write_bytes(data)
    found, diagnostics = load(folder / "inventory.yml")
    assert (found is None) == any(item.is_error for item in diagnostics)


def included(data: bytes, folder: Path) -> None:
    """A part of a fleet, beside one that is whole."""
    (folder / "sites").mkdir(exist_ok=True)
    (folder / "fleet.yml").write_bytes(FLEET)
    (folder / "sites" / "london.yml").write_bytes(data)
    found, diagnostics = load(folder / "fleet.yml")
    assert (found is None) == any(item.is_error for item in diagnostics)


def playbook(data: bytes, folder: Path) -> None:
    own = folder / "own"
    own.mkdir(exist_ok=True)
    (own / "linux.yml").write_bytes(data)
    load_playbooks(playbooks_folder(), {"own": own})


def plan(data: bytes, folder: Path) -> None:
    """Each case in one of the formats: which one, its bytes say."""
    del folder
    document = read_document(data, name="plan.json")
    name = sorted(FORMATS)[crc32(data) % len(FORMATS)]
    renderer(name)(document, Style()).encode()


def known_drift(data: bytes, folder: Path) -> None:
    (folder / "known.yml").write_bytes(data)
    load_known(folder / "known.yml", folder)


def trust(data: bytes, folder: Path) -> None:
    (folder / "trust.yml").write_bytes(data)
    load_trust(folder / "trust.yml", "/nowhere")


def secret(data: bytes, folder: Path) -> None:
    (folder / "secret").write_bytes(data)
    assert Resolver(str(folder)).resolve(SecretRef("file", "secret")).reveal()


def certificate(data: bytes, folder: Path) -> None:
    for name in ("c.pfx", "c.pem"):
        (folder / name).write_bytes(data)
    context = ConnectionContext(Resolver(str(folder), environment={"PASS": "s3same"}), str(folder))
    passphrase = SecretRef("env", "PASS")
    whole = Certificate("c", pfx="c.pfx", passphrase=passphrase)
    parts = Certificate("c", cert="c.pem", key=SecretRef("file", "c.pem"), passphrase=passphrase)
    failures = []
    for entry in (whole, parts):
        for ask in (thumbprint, end_of, pfx_bytes):
            try:
                ask(entry, context)
            except SecretError as error:
                failures.append(error)
    assert all(str(error) for error in failures)


def journal_address(data: bytes, folder: Path) -> None:
    del folder
    text, said = data.decode("utf-8", "replace"), ""
    try:
        said = find_location(text, {}).label if "://" in text else ""
    except JournalError as error:
        said = f"{error} {error.hint}"
    if text.count(":hunter2@") == text.count("hunter2"):  # without the two signs it is a part of a name
        assert "hunter2" not in said


def imported(data: bytes, folder: Path) -> None:
    """The inventory that is made of what a server answers is valid, and reads as one more time."""
    parsed = answer_document(Answer(200, data), "vbo", "GET /x")
    if not isinstance(parsed, dict) or not isinstance(parsed.get("answers"), dict):
        return
    with importing(session_of(max(VERSIONS), parsed["answers"]), folder / "imported") as run:
        run()
        found, diagnostics = load(folder / "imported" / f"{NAME}.yml", look_at_files=False)
        assert found is not None, [item.detail for item in diagnostics if item.is_error]


def rest_answer(data: bytes, folder: Path) -> None:
    """The same bytes as each kind of object of each version, as an error, and as the answers of a whole server."""
    del folder
    str(refusal(Answer(500, data), "vbo", "GET /x"))
    parsed = answer_document(Answer(200, data), "vbo", "GET /x")
    for part in parsed if isinstance(parsed, list) else [parsed]:
        if isinstance(part, dict):
            for kind in KINDS.values():
                if kind.collection:
                    typed(kind, max(VERSIONS), part)
    if isinstance(parsed, dict) and isinstance(parsed.get("answers"), dict):
        _server().caused(parsed["answers"])


@cache
def _server() -> Server:
    return Server(max(VERSIONS))


def host_document(data: bytes, folder: Path) -> None:
    del folder
    str(script_output.script_failed("px", "facts", 1, data, ["hunter2"]))

    class Session:
        def execute(self, script: object, params: object, *, deadline: float) -> Any:
            del script, params, deadline
            return script_output.document("px", "facts", data, ["hunter2"])

    for book in _playbooks().values():
        facts = run_facts_scripts(Session(), book, {}, peer="px", deadline=1, clock=lambda: NOW)
        evaluate(book, facts, {"host": "px", "port": 9193})
        json.dumps(facts)


@cache
def _playbooks() -> dict[str, Playbook]:
    return load_playbooks(playbooks_folder())


def journal(data: bytes, folder: Path) -> None:
    file = folder / "journal.db"
    file.write_bytes(data)
    for other in folder.glob("journal.db-*"):
        other.unlink()
    with Journal.open(file) as opened:
        for record in opened.runs(5):
            opened.run(record.id)
            opened.plan(record.id)


@cache
def journal_sample() -> bytes:
    """A journal with two runs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "journal.db"
        with Journal.open(file, clock=samples.Ticking(), ids=samples.counted("R")) as opened:
            samples.done(opened.begin(samples.plan("px-1", "px-2"), samples.WHO), "px-1")
        return file.read_bytes()


def known_hosts(data: bytes, folder: Path) -> None:
    del folder
    text = data.decode("utf-8", "replace")
    for entry in host_keys.entries(text.splitlines(), ("host.example.com", "[192.0.2.1]:2222")):
        host_keys.fingerprint(entry.key)
        host_keys.kind_of(entry.key)
        host_keys.certificate_flaw(entry.key, "host.example.com", 0.0)


def mail(data: bytes, folder: Path) -> None:
    del folder
    json.dumps(read_mail(data)).encode()


def other_json(data: bytes, folder: Path) -> None:
    """What a gateway in front of the server, or a program, may print."""
    del folder
    json.dumps(foreign_json.parse(data)).encode()


MAIL = b"""From: vbo@example.com\r
To: ops@example.com, b@example.com\r
Subject: =?utf-8?q?Daily_=C3=A9?=\r
X-Lab-Proxy: px-1\r
X-Lab-Result: Success\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="b"\r
\r
--b\r
Content-Type: text/plain; charset="utf-8"\r
Content-Transfer-Encoding: base64\r
\r
SGVsbG8=\r
--b--\r
"""
KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJp0KtNdAsoSGMkdQEfGBAJGmtDaFpBF3dNTJgL0YGT"
KEYS = b"""host.example.com KEY
@cert-authority *.example.com,!a.example.com KEY x
@revoked\thost.example.com\tssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==
|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= KEY
[192.0.2.1]:2222,host.example.com ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t
# a comment
""".replace(b"KEY", KEY)
FLEET = b"""version: 1
name: fleet
include: [sites/*.yml]
server: {host: vbo.example.com, credentials: admin}
credentials: {admin: {username: svc, password: secret://env/VBO_PASSWORD}}
proxies: {px: {host: px.example.com, type: domain, credentials: admin}}
"""
SITE = b"""credentials:
  dmz: {username: Administrator, password: secret://file/dmz}
defaults: {proxy: {port: 9193}}
groups: {dmz: {type: domain, credentials: dmz}}
proxies:
  px-dmz: &dmz {host: px-dmz.example.net, group: dmz, throttle: 100 Mbps}
  px-lon: {host: px-lon.example.net, type: domain, credentials: admin, state: absent}
policy: {max_deletes: 1}
"""
ADDRESSES = (
    b"postgresql+psycopg://svc:hunter2@db.example.com:5432/vbo?sslmode=verify-full",
    b"postgresql://svc:hunter2@[2001:db8::1]/vbo?host=a,b",
    b"sqlite:////var/lib/vbo/journal.db",
    b"~svc/journal.db",
)
KNOWN = b"""version: 1
known:
  - {address: proxy.px-1, field: throttle, owner: Jo, reason: until the line is wider, expires: 2027-01-31}
"""
TRUST = b"""version: 1
servers: [vbo.example.com]
hosts: ["*.example.com"]
authorities: ["sha256:00"]
commands: {vault: [vault, get]}
"""


@cache
def plan_sample() -> bytes:
    """The difference between nothing and the demo, as a reviewer gets it."""
    wanted, _ = load(TESTS.parent / "inventories" / "demo.yml", look_at_files=False)
    assert wanted is not None
    document = illustrated(plan_to_json(difference(nothing(wanted), wanted), DIFF), wanted)
    data = to_bytes(document)
    assert read_document(data, name="plan.json") == json.loads(data)
    return data


@cache
def targets() -> dict[str, Target]:
    answers = json.dumps({"answers": _server().answers}).encode()
    parts = tuple(json.dumps(part).encode() for part in _server().answers.values())
    found = (
        Target("inventory", inventory, _files("inventories/*.yml", "tests/inventory/cases/*/inventory.yml")),
        Target("included", included, (SITE,)),
        Target("secret", secret, ("\ufeffs3cret \u00e9\r\n".encode(), b"s3cret\n")),
        Target("certificate", certificate, _files("tests/fuzz/samples/certificate.*")),
        Target("journal-address", journal_address, ADDRESSES),
        Target("import", imported, (answers,), is_json=True, slow=True),
        Target("playbook", playbook, _files("playbooks/linux.yml", "playbooks/windows.yml"), slow=True),
        Target("plan", plan, (plan_sample(),), is_json=True, slow=True),
        Target("known-drift", known_drift, (KNOWN,)),
        Target("trust", trust, (TRUST,)),
        Target("rest-answer", rest_answer, (answers, *parts), is_json=True),
        Target("host-document", host_document, _files("tests/hosts/documents/*.json"), is_json=True),
        Target("journal", journal, (journal_sample(),)),
        Target("known-hosts", known_hosts, (KEYS,)),
        Target("mail", mail, (MAIL,)),
        Target("other-json", other_json, parts, is_json=True),
    )
    return {target.name: target for target in found}


EXPECTED = (Diagnosed, ReconcileError)
"""What readers raise for what they cannot use. `foreign_json` raises ValueError, and its callers say whose it was."""

UNEXPECTED = (
    *(ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, ImportError, LookupError, MemoryError),
    *(OSError, RuntimeError, StopIteration, SyntaxError, TypeError, ValueError),
)
"""All that is built in. Errors of libraries end the test by themselves."""


def survives(target: Target, data: bytes, folder: Path) -> str:
    """How the reader failed in another way than it may; empty if it did not."""
    allowed = (*EXPECTED, ValueError) if target.name == "other-json" else EXPECTED
    try:
        target.read(data, folder)
    except allowed:
        return ""
    except UNEXPECTED as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return ""
