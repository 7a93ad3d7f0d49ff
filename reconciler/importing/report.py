"""What an import says for people: `IMPORT.md`, and `.env.example` with every secret of the environment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.importing.entries import Omission
from reconciler.importing.files import MADE_HERE
from reconciler.importing.hosts import COMPARE, HostScan
from reconciler.model.inventory import Inventory
from reconciler.model.secret import SecretRef
from reconciler.quoting import shell_line

REPORT, VARIABLES = "IMPORT.md", ".env.example"
PLURALS: Final = {
    "proxy": "proxies",
    "pool": "pools",
    "repository": "repositories",
    "organization": "organizations",
    "job": "jobs",
    "copy_job": "copy jobs",
    "smtp": "mail settings",
}
"""By kind, what messages call several objects, in the order in which they are counted."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report is made of: the inventory, with its `main` file. `imported` are addresses of what is declared and
    on the server, `gone` of what is declared and not there; `to_do` are sentences on what a person must do. `visited`
    is whether hosts are visited, `scanned` what they showed, by address of the proxy. `warnings` are those of the plan,
    `not_shown` what this REST version has no objects of. `lab` is whether the server is that of the lab, `trust` the
    file of `--trust`."""

    inventory: Inventory
    main: str
    server: str
    imported: Sequence[str]
    omitted: Sequence[Omission] = ()
    in_part: Sequence[Omission] = ()
    gone: Sequence[str] = ()
    to_do: Sequence[str] = ()
    visited: bool = False
    warnings: Sequence[str] = ()
    not_shown: Sequence[str] = ()
    scanned: Mapping[str, HostScan] = field(default_factory=dict)
    lab: bool = False
    trust: str = ""

    def command(self, *words: str) -> str:
        """A command line as Markdown, for the folder of the files."""
        more = [*(["--lab"] if self.lab else []), *(["--trust", self.trust] if self.trust else [])]
        return _code(shell_line(["vbo-reconcile", *words, *more]))


def counts(addresses: Iterable[str]) -> str:
    """`40 proxies, 61 repositories, 1 job`."""
    found = Counter(where.partition(".")[0] for where in addresses)
    return ", ".join(
        plural if kind == "smtp" else f"{found[kind]} {plural if found[kind] != 1 else kind.replace('_', ' ')}"
        for kind, plural in PLURALS.items()
        if found[kind]
    )


def report(facts: Facts) -> str:
    """The text of `IMPORT.md`."""
    main = facts.main
    parts = [
        f"<!-- {MADE_HERE.removeprefix('# ')} The next import writes it anew. -->",
        f"# Import of {facts.inventory.name}",
        _summary(facts, main),
        "## Next",
        _numbered(_next(facts, main)),
        "## In part",
        *([_omissions(facts.in_part), _PART.format(facts.command("plan", main))] if facts.in_part else [_NONE]),
        "## Not imported",
        *([_omissions(facts.omitted), _left(facts)] if facts.omitted else [_NONE]),
    ]
    if facts.warnings:
        parts += ["## What the plan warns of", _bullets(map(_text, facts.warnings))]
    if facts.scanned:
        hosts = (f"{_code(where)}: {_shown(scan)}" for where, scan in sorted(facts.scanned.items()))
        parts += ["## Hosts", _HOSTS, _bullets(hosts)]
    if facts.gone:
        parts += ["## Declared, and not on the server", "".join(f"- {_code(where)}\n" for where in facts.gone).strip()]
    parts += ["## What the inventory does", _bullets(_effects(facts))]
    return "\n\n".join(parts) + "\n"


_NONE: Final = "Nothing."
_PART: Final = "These fields are neither compared nor changed. To manage one, declare it, and see what changes: {}."
_HOSTS: Final = "What each host showed before any login. No account and no password was sent to it."


def _left(facts: Facts) -> str:
    again, differs = facts.command("import", "--out", "."), facts.command("import", "--diff", "--out", ".")
    return f"Once the reason is gone, import again: {again}. What is not declared by then, and what differs: {differs}."


def _shown(scan: HostScan) -> str:
    """What a host says may be anything."""
    return _text(scan.text())


def _text(found: str) -> str:
    return "".join(char if char.isprintable() else " " for char in found)


def _summary(facts: Facts, main: str) -> str:
    part = len({item.address for item in facts.in_part})
    found = counts(facts.imported) or "nothing"
    return f"{facts.server}: {found} declared in {_code(main)}, {part} in part; {len(facts.omitted)} not imported."


def _next(facts: Facts, main: str) -> Iterator[str]:
    yield from facts.to_do
    if any(scan.is_unverified for scan in facts.scanned.values()):
        yield COMPARE
    yield f"Set the variables of {_code(VARIABLES)}, and compare: {facts.command('plan', main)} has no changes."
    yield f"Commit the files, and watch for drift: {facts.command('drift', main)}."
    yield f"To mark what is declared as owned by this inventory: {facts.command('apply', '--adopt', main)}."
    yield "Edit the inventory, and let `plan` show what that would change."


def _effects(facts: Facts) -> Iterator[str]:
    yield "`policy.max_deletes: 0`: an apply deletes nothing. Raise it once the inventory owns what it declares."
    yield "`run: never`: an apply starts no job. Write `on-change` to start the jobs whose path an apply changes."
    if not facts.visited:
        yield "`connection: {enabled: false}`: hosts are not visited. Remove it once their logins are right."
    if facts.not_shown:
        yield f"{' and '.join(facts.not_shown).capitalize()} are not declared: this REST version does not show them."
    yield "What is not declared is not compared, so values that the product has by default are left out."


def _omissions(found: Iterable[Omission]) -> str:
    """One line for each reason, with all that it is the reason for."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for item in sorted(found):
        by_reason[item.reason.rstrip(".")].append(f"{item.address} ({item.field})" if item.field else item.address)
    return _bullets(
        f"{reason.rstrip('.')}: {', '.join(map(_code, names))}" for reason, names in sorted(by_reason.items())
    )


def _bullets(found: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in found)


def _numbered(found: Iterable[str]) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(found, start=1))


def _code(text: str) -> str:
    """Names are those of a server: nothing in them is Markdown."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text)
    fence, pad = ("``", " ") if "`" in shown else ("`", "")
    text = shown.replace("``", "''")
    return f"{fence}{pad}{text}{pad}{fence}"


def variables(inventory: Inventory) -> str:
    """The text of `.env.example`: every variable that the inventory names, and who needs it."""
    users: dict[str, list[str]] = defaultdict(list)
    for name, login in inventory.access.credentials.items():
        for secret in (login.password, login.private_key, login.passphrase):
            _note(users, secret, f"login {name} ({login.username}): {_needed_by(inventory, name)}")
    for name, certificate in inventory.access.certificates.items():
        for secret in (certificate.passphrase, certificate.key):
            _note(users, secret, f"certificate {name}")
    lines = [MADE_HERE, "# Copy it to a file that git ignores, fill it in, and load it before each command."]
    for variable, notes in sorted(users.items()):
        lines += ["", *(f"# {_plain(note)}" for note in notes), f"{variable}="]
    return "\n".join(lines) + "\n"


def _note(users: dict[str, list[str]], secret: SecretRef | None, note: str) -> None:
    if secret is not None and secret.scheme == "env":
        users[secret.path].append(note)


def _needed_by(inventory: Inventory, name: str) -> str:
    who = ["the management server"] if inventory.access.server.credential.name == name else []
    proxies = [item for item in inventory.of_kind("proxy") if item.fields.get("credentials") == name]
    who += [counts(item.address for item in proxies)] if proxies else []
    if any(item.fields.get("internet_proxy.credentials") == name for item in inventory.of_kind("proxy")):
        who.append("the internet proxy")
    if any(item.fields.get("credentials") == name for item in inventory.of_kind("smtp")):
        who.append("the mail server")
    return ", ".join(who) or "nothing yet"


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
