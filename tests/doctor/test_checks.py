"""Checks that need no server: levels, order, stages, expiry, secrets and certificates that are not there."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients import dns_and_tls
from reconciler.doctor.check import Check, Level, checkup_to_json, expiry, ordered
from reconciler.doctor.hosts import check_requirements
from reconciler.doctor.local import check_certificate, check_credential, check_known_host, check_package
from reconciler.doctor.run import CheckContext
from reconciler.doctor.server import _names
from reconciler.doctor.stages import check_host_name, check_listener, check_name, stopped
from reconciler.inventory.secrets import Resolver
from reconciler.lab.pki import Authority
from reconciler.model.connection import (
    Access,
    Certificate,
    Connection,
    ConnectionContext,
    Credential,
    Package,
    Server,
    Transport,
    Trust,
)
from reconciler.model.errors import (
    AuthenticationFailed,
    DeadlineExceeded,
    IncompleteLogin,
    ReconcileError,
    ScriptFailed,
    SecretError,
    Unreachable,
    UntrustedPeer,
    UnusableTrust,
)
from reconciler.model.inventory import Inventory, Policy, Resource
from reconciler.model.script import Script
from reconciler.model.secret import SecretRef
from reconciler.package_data import playbooks_folder
from reconciler.render.doctor import checkup_text
from reconciler.render.html.checkup import checkup_html
from reconciler.render.style import Style
from reconciler.requirements import load
from reconciler.requirements.facts import parse
from tests.hosts.documents import NOW, document

ERROR, WARNING, UNKNOWN, OK = Level
LOGIN = Credential("admin", "svc", SecretRef("env", "HERE"), SecretRef("file", "nowhere.key"))


def context(root: Path, environment: Mapping[str, str] | None = None) -> CheckContext:
    access = Access(Server("vbo01", LOGIN), {}, {"admin": LOGIN}, {}, str(root))
    return CheckContext(
        Inventory("corp", access, {}, Policy(), (), ""),
        access,
        ConnectionContext(Resolver(str(root), environment=environment or {}), str(root)),
        load(playbooks_folder()),
        lambda: NOW,
        NOW,
    )


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [
        (400, OK, "valid until 2027-04-05, 400 days left"),
        (30, OK, "valid until 2026-03-31, 30 days left"),
        (29, WARNING, "valid until 2026-03-30, 29 days left"),
        (0, ERROR, "expired on 2026-03-01"),
        (-3, ERROR, "expired on 2026-02-26"),
    ],
)
def test_expiry(days: int, level: Level, said: str) -> None:
    row = expiry("certificate.x", "expiry", NOW + timedelta(days=days), NOW)
    assert (row.level, row.found) == (level, said)
    assert bool(row.fix) is (level is not OK)


def test_rows_are_worst_first_and_in_one_order() -> None:
    rows = [
        Check("b", "x", OK, ""),
        Check("a", "x", UNKNOWN, ""),
        Check("b", "x", ERROR, ""),
        Check("a", "y", ERROR, ""),
    ]
    rows += [Check("a", "x", WARNING, "")]
    wanted = [("a", ERROR), ("b", ERROR), ("a", WARNING), ("a", UNKNOWN), ("b", OK)]
    assert [(row.subject, row.level) for row in ordered(rows)] == wanted
    assert ordered(reversed(rows)) == ordered(rows)
    data = checkup_to_json(rows, inventory="corp", server="vbo01", lab=False)
    assert data["ok"] is False
    assert data["counts"] == {"error": 2, "warning": 1, "unknown": 1, "ok": 1}
    assert checkup_to_json(rows[4:], inventory="corp", server="vbo01", lab=False)["ok"] is True


@pytest.mark.parametrize(
    ("error", "levels"),
    [
        (Unreachable("h", "connecting", "refused"), {"connection": ERROR, "identity": UNKNOWN, "login": UNKNOWN}),
        (UntrustedPeer("h", "x", "y"), {"connection": OK, "identity": ERROR, "login": UNKNOWN}),
        (AuthenticationFailed("h", "x", "y"), {"connection": OK, "identity": OK, "login": ERROR}),
        # nothing was connected to: no stage before it was passed
        (SecretError("not there"), {"connection": UNKNOWN, "identity": UNKNOWN, "login": ERROR}),
        (IncompleteLogin("h", "x", "y"), {"connection": UNKNOWN, "identity": UNKNOWN, "login": ERROR}),
        (UnusableTrust("h", "x", "y"), {"connection": UNKNOWN, "identity": ERROR, "login": UNKNOWN}),
        (DeadlineExceeded("h", "x", "y"), {"connection": OK, "identity": OK, "login": OK}),
        (ScriptFailed("h", "x", "y"), {"connection": OK, "identity": OK, "login": OK}),
    ],
)
def test_what_is_behind_a_failure_is_unknown(error: ReconcileError, levels: dict[str, Level]) -> None:
    found = {row.name: row.level for row in stopped("host.px", error)}
    answer = ERROR if levels["login"] is OK else UNKNOWN
    assert found == {**levels, "answer": answer}


def test_a_login_is_judged_part_by_part_and_never_shown(tmp_path: Path) -> None:
    rows = list(check_credential(context(tmp_path, {"HERE": "s3cret-value"}), LOGIN))
    assert [(row.name, row.level) for row in rows] == [("private_key", ERROR), ("secrets", OK)]
    assert "secret://file/nowhere.key" in rows[0].found
    assert "s3cret-value" not in repr(rows)


def test_a_certificate_of_the_inventory(tmp_path: Path) -> None:
    identity = Authority(tmp_path / "pki").host("px-1")
    (tmp_path / "px.pem").write_bytes(identity.cert_pem)
    (tmp_path / "bad.pem").write_text("nothing")
    now = datetime.now(UTC)
    base = context(tmp_path)
    checking = CheckContext(base.inventory, base.access, base.connection_context, base.playbooks, lambda: now, now)
    levels = {
        name: [row.level for row in check_certificate(checking, Certificate(name, cert=name))]
        for name in ("px.pem", "bad.pem", "none.pem")
    }
    assert levels == {"px.pem": [OK], "bad.pem": [ERROR], "none.pem": [ERROR]}


def test_packages_beside_the_inventory(tmp_path: Path) -> None:
    (tmp_path / "proxy.deb").write_bytes(b"a package")
    digest = hashlib.sha256(b"a package").hexdigest()

    def rows(source: str, sha256: str = digest) -> list[tuple[str, Level, str]]:
        found = check_package(context(tmp_path), Package(source, sha256))
        return [(row.subject, row.level, row.found) for row in found]

    assert rows("proxy.deb") == [("package.proxy.deb", OK, f"SHA-256 {digest[:12]}… as declared")]
    ((_, level, said),) = rows("proxy.deb", "0" * 64)
    assert (level, said) == (ERROR, f"The SHA-256 of proxy.deb is {digest}, and {'0' * 64} is declared.")
    ((_, level, said),) = rows("none.deb")
    assert (level, said) == (ERROR, "none.deb cannot be read: no such file or directory.")
    assert rows("https://example.com/proxy.deb") == []


def test_host_keys_that_are_trusted(tmp_path: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINq2eQGaWdRmXBoTtaAUA21fRR30saKWyulK/h0VuCtG"
    (tmp_path / "known_hosts").write_text(f"px-1 {key}\n")

    def rows(host: str, transport: Transport = Transport.SSH, **trust: Any) -> list[tuple[Level, str]]:
        connection = Connection(host, host, transport, port=2222 if host == "px-9" else 0, trust=Trust(**trust))
        return [(row.level, row.fix) for row in check_known_host(context(tmp_path), connection)]

    assert rows("px-1", known_hosts=("known_hosts",)) == [(OK, "")]
    assert rows("px-2", host_keys=(key,)) == [(OK, "")]
    assert rows("px-4", host_keys=(f"@cert-authority {key}",)) == [(OK, "")]
    assert rows("px-3", Transport.WINRM) == []
    ((level, fix),) = rows("px-9", known_hosts=("known_hosts",))
    assert level is ERROR
    assert "ssh-keyscan -p 2222 -t ed25519 px-9" in fix
    assert [level for level, _ in rows("px-1", known_hosts=("nowhere",))] == [ERROR]


@pytest.mark.parametrize(
    ("back", "level", "said"),
    [
        (["px-1.corp.example.com"], OK, "px-1.example.net resolves to 10.0.0.7 and back"),
        (["other.example.net"], WARNING, "px-1.example.net resolves to 10.0.0.7, which resolves to other.example.net"),
        ([], WARNING, "px-1.example.net resolves to 10.0.0.7, which has no name"),
    ],
)
def test_names_both_ways(monkeypatch: pytest.MonkeyPatch, back: list[str], level: Level, said: str) -> None:
    monkeypatch.setattr(dns_and_tls, "addresses", lambda name: ["10.0.0.7"])
    monkeypatch.setattr(dns_and_tls, "names", lambda address: back)
    (row,) = check_name("host.px-1", "px-1.example.net", "")
    assert (row.level, row.found) == (level, said)
    assert bool(row.fix) is (level is not OK)


def test_names_are_not_looked_up_where_the_inventory_has_the_address() -> None:
    (row,) = check_name("host.px-1", "px-1.invalid", "127.0.0.1")
    assert (row.level, "127.0.0.1" in row.found) == (OK, True)
    (row,) = check_name("host.px-1", "no-such-name.invalid", "")
    assert (row.level, row.found) == (ERROR, "looking up its name: the name cannot be resolved")


def test_loopback_has_its_name_both_ways() -> None:
    assert "127.0.0.1" in dns_and_tls.addresses("localhost")
    assert "localhost" in dns_and_tls.names("127.0.0.1")


@pytest.mark.parametrize(("exists", "level"), [(True, WARNING), (False, ERROR)])
def test_the_playbook_says_what_a_host_lacks(tmp_path: Path, exists: bool, level: Level) -> None:
    changed = {
        "admin_share": False,
        "remote_registry": {"start": "disabled", "state": "stopped"},
        "disk": {"free_gb": None},
    }
    facts = parse(document("windows", changed), "windows", NOW)
    proxy = Resource("proxy", "px-1", {"host": "px-1", "type": "workgroup"})
    rows = check_requirements(context(tmp_path), proxy, facts, "8.5.0.1014", exists=exists)
    found = {row.name: (row.level, row.found) for row in rows}
    assert found["admin-share"] == (level, "no; required: yes")
    assert found["remote-registry"] == (WARNING, "disabled, stopped; required: automatic, running")
    assert found["disk"] == (UNKNOWN, "not reported by the host; required: 3 GB or more")
    assert all(row.subject == "host.px-1" for row in rows)


def test_what_depends_on_the_build_of_the_server_is_unknown_without_one(tmp_path: Path) -> None:
    proxy = Resource("proxy", "px-1", {"host": "px-1", "type": "workgroup"})
    rows = check_requirements(context(tmp_path), proxy, parse(document("windows", {}), "windows", NOW), "", exists=True)
    assert {row.found for row in rows if row.level is UNKNOWN} == {"the server does not report its build"}


def test_text_says_what_to_do_and_folds_what_is_fine() -> None:
    rows = [
        Check("host.px-1", "login", ERROR, "not accepted\x1b[2J", "Check the password.\n  kinit"),
        Check("host.px-1", "name", OK, "px-1 is 10.0.0.7 and back"),
        Check("host.px-1", "connection", OK, "connected"),
    ]
    data = checkup_to_json(rows, inventory="corp", server="vbo01", lab=False)
    assert checkup_text(data, Style()).splitlines() == [
        "Check-up of corp for vbo01",
        "",
        "  error  host.px-1  login  not accepted\\x1b[2J",
        "      Check the password.",
        "        kinit",
        "",
        "  ok  host.px-1  connection, name",
        "",
        "Check-up: 1 failed, 2 passed.",
    ]
    assert "10.0.0.7 and back" in checkup_text(data, Style(), everything=True)
    assert "\x1b[31;1merror\x1b[0m" in checkup_text(data, Style(colour=True))
    nothing = checkup_to_json([], inventory="corp", server="vbo01", lab=True)
    assert checkup_text(nothing, Style()).endswith("Check-up: nothing to check.\n")


def test_a_host_behind_a_jump_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_and_tls, "addresses", lambda name: ["10.0.0.9"])
    monkeypatch.setattr(dns_and_tls, "names", lambda address: ["jump.example.net"])
    jump = Connection("jump.example.net", "jump.example.net", Transport.SSH, trust=Trust(known_hosts=("none",)))
    host = Connection("px-1", "px-1.inner", Transport.SSH, jump=jump, trust=Trust(known_hosts=("none",)))
    (tmp_path / "none").touch()
    named = [(row.subject, row.name, row.found) for row in check_host_name("host.px-1", host)]
    assert named == [
        ("host.px-1", "name", "not resolved here: jump.example.net resolves it"),
        ("jump.jump.example.net", "name", "jump.example.net resolves to 10.0.0.9 and back"),
    ]
    known = [(row.subject, row.level) for row in check_known_host(context(tmp_path), host)]
    assert known == [("jump.jump.example.net", ERROR), ("host.px-1", ERROR)]
    rows = stopped("host.px-1", Unreachable("jump.example.net", "connecting", "refused"), peer=host.peer)
    assert rows[0].found == "jump.example.net: connecting: refused"


def test_a_listener_without_tls_has_no_certificate() -> None:
    host = Connection("px-1", "px-1", Transport.WINRM, listener="http")
    (row,) = check_listener("host.px-1", host, "/", NOW)
    assert (row.level, row.found.startswith("none: ")) == (OK, True)
    assert check_listener("host.px-2", Connection("px-2", "px-2", Transport.SSH), "/", NOW) == []


def test_files_of_a_login(tmp_path: Path) -> None:
    (tmp_path / "here.keytab").touch()
    login = Credential("kerberos", "svc", keytab="here.keytab", certificate_file="nowhere-cert.pub")
    rows = [(row.name, row.level) for row in check_credential(context(tmp_path), login)]
    assert rows == [("certificate_file", ERROR), ("secrets", OK)]


@pytest.mark.parametrize(
    ("addresses", "reverse", "level", "said"),
    [
        (["10.0.0.7"], ["PX-1"], OK, "on the server px-1.example.net resolves to 10.0.0.7 and back"),
        (["10.0.0.7"], [], WARNING, "on the server px-1.example.net resolves to 10.0.0.7, which has no name"),
        ([], [], WARNING, "the server cannot resolve px-1.example.net"),
    ],
)
def test_names_on_the_server(tmp_path: Path, addresses: list[str], reverse: list[str], level: Level, said: str) -> None:
    base = context(tmp_path)
    fields = {"px-1": {"host": "px-1.example.net"}, "px-2": {"host": "10.0.0.9"}}
    proxies = [Resource("proxy", name, values) for name, values in fields.items()]
    resources = {proxy.address: proxy for proxy in proxies}
    asked: list[Any] = []

    class Server:
        def execute(self, script: Script, params: Any, *, deadline: float) -> Any:
            asked.append((script.name, params))
            return {"names": [{"host": "px-1.example.net", "addresses": addresses, "reverse": reverse}]}

    (row,) = _names(replace(base, inventory=replace(base.inventory, resources=resources)), Server(), 5)
    assert asked == [("server/names.ps1", {"hosts": ["px-1.example.net"]})]
    assert (row.subject, row.level, row.found) == ("host.px-1", level, said)


def test_the_page_has_every_check_with_its_fix_as_text() -> None:
    hostile = "<script>alert(1)</script>"
    rows = [
        Check(f"host.{hostile}", "name", Level.ERROR, "not resolved", f"Add a record:\n  nslookup {hostile}"),
        Check("server", "clock", Level.WARNING, "5 min behind", "Correct it."),
        Check("host.px-2", "login", Level.UNKNOWN, "not checked"),
        Check("host.px-3", "login", Level.OK, "as svc"),
        Check("host.px-3", "name", Level.OK, "both ways"),
    ]
    page = checkup_html(checkup_to_json(rows, inventory="corp", server="vbo01", lab=True))
    said = " ".join(re.sub(r"<[^>]*>", " ", page.partition("<main>")[2]).split())
    for item in rows:
        for text in (item.found, *item.fix.split("\n")):
            assert " ".join(html.escape(text).split()) in said
    assert "<script" not in page
    assert "1 check failed" in page
    assert "This is the lab" in page
    assert page.count("<tr>") == 2, "the passed checks"
    fit = checkup_html(checkup_to_json(rows[3:], inventory="corp", server="vbo01", lab=False))
    assert "Everything is reached, and fit" in fit


def test_the_page_folds_what_passed_of_a_fleet() -> None:
    rows = [
        Check(f"host.px-{number}", name, Level.OK, "as it is") for number in range(400) for name in ("login", "name")
    ]
    rows += [Check("host.px-0", name, Level.UNKNOWN, "not checked: connection failed") for name in ("clock", "rights")]
    rows += [Check(f"proxy.px-{number}", "status", Level.ERROR, "offline", "Rescan it.") for number in range(1, 9)]
    page = checkup_html(checkup_to_json(rows, inventory="corp", server="vbo01", lab=False))
    assert page.count("<article") == 2, "what has one reason is one note"
    assert "8 objects" in page
    assert "clock, rights" in page
    assert "400 hosts" in page
    assert "<details open" not in page
