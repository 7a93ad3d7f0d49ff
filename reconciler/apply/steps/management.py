"""Steps that REST has no operation for: PowerShell on the management server. The scripts are in `playbooks/server/`."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.deployment import ssh_settings
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.clients.script_output import interpreting
from reconciler.kinds import proxy
from reconciler.kinds.states import proxy_state
from reconciler.model.connection import Credential
from reconciler.model.errors import ConnectionLost, DeadlineExceeded, ReconcileError, RemoteError
from reconciler.model.secret import Secret
from reconciler.model.steps import SetCertificate, UpgradeProxy
from reconciler.package_data import shipped_script
from reconciler.plan.guards.trust import may_be_lost
from reconciler.plan.interrupted import UPGRADING, mark_of

_SETTLE_SECONDS: Final = 600
"""Seconds that the server may take to show new versions: it is not documented that the cmdlet waits for them."""
_PAUSE: Final = 10.0
"""Seconds between two questions for versions at most."""
_GRACE: Final = 10.0
"""Seconds in which a proxy may come back before the certificate is replaced."""


@runs(SetCertificate)
def set_certificate(context: ApplyContext, step: SetCertificate, report: Reporter) -> str | None:
    """Set the certificate that workgroup proxies trust; the server distributes it to those that are online."""
    from reconciler.inventory.certificates import pfx_bytes

    _check_online(context)
    certificate = context.access.certificates[step.certificate]
    passphrase = context.naming.reveal(certificate.passphrase)
    pfx = pfx_bytes(certificate, context.connection_context)
    arguments = {"pfx": Secret(base64.b64encode(pfx).decode()), "passphrase": Secret(passphrase)}
    answer = run_script(context, "server/set-certificate.ps1", arguments)
    if str(answer.get("thumbprint", "")).upper() != step.thumbprint:
        raise StepFailed(f"the server now has {answer.get('thumbprint')}, not {step.thumbprint}")
    return None


def _check_online(context: ApplyContext) -> None:
    """Raises StepFailed if a proxy that was online when the plan was judged would be lost now."""
    known = {found.id.lower(): found for found in context.live.resources.values() if not may_be_lost(found)}
    lost: list[str] = []

    def are_online() -> bool:
        states = {str(raw.get("id")).lower(): raw for raw in context.reader.list("Proxies")}
        now = [
            replace(known[ident], state=proxy_state(raw, context.reader.rest))
            for ident, raw in states.items()
            if ident in known
        ]
        lost[:] = sorted(found.name for found in now if may_be_lost(found))
        return not lost

    try:
        context.wait("the server", "reading the proxies", are_online, seconds=_GRACE)
    except DeadlineExceeded as error:
        if not lost:
            raise
        raise StepFailed(
            f"{', '.join(lost)} went offline after the plan was made, and would not trust the server after its "
            "certificate is replaced; it was not replaced. Bring them online, then apply again"
        ) from error


@runs(UpgradeProxy)
def upgrade_proxy(context: ApplyContext, step: UpgradeProxy, report: Reporter) -> str | None:
    """Update-VBOProxy, with the login of the proxy's host. Upgrades that start at the same time share one run of
    the script, and those with the same login one call of the cmdlet."""
    host, login = str(step.host), context.access.credentials.get(step.credentials)
    asked: dict[str, Any] = {"host": host, "name": step.credentials, "login": {}}
    if login is not None and step.os == "linux":
        # the host key is a part of what the cmdlet takes as a login, so each Linux proxy has a separate one
        asked |= {"name": f"{login.name} {host}", "login": {"linux": _linux_login(context, step, login)}}
    elif login is not None:
        asked["login"] = {"username": login.username, "password": Secret(context.naming.reveal(login.password))}
    try:
        result = context.batcher.call("server/update-proxy.ps1", asked, lambda items: _update(context, items))
    except ConnectionLost as error:
        if not _is_upgraded(context, host, error, report):
            raise
        return "the response was lost, but it was upgraded"
    if result.get("ok"):
        return f"now {result.get('version')}" if result.get("version") else None
    refused = StepFailed(f"{host} was not upgraded: {result.get('message')}")
    is_begun = mark_of(UPGRADING, step.name) in context.begun
    if not is_begun or not _is_upgraded(context, host, refused, report):
        raise refused
    return "an earlier apply began it"


def _is_upgraded(context: ApplyContext, host: str, failed: ReconcileError, report: Reporter) -> bool:
    """Whether the server, which may be at work on an upgrade whose result is not known, ends it. It may refuse another
    one until then; how it says so is not documented, so its word on the version decides. Raises `failed` if the server
    does not say it."""
    from reconciler.observe.management import outdated_of

    what = "waiting for the upgrade"
    report(
        f"{str(failed).rstrip('.')}; an upgrade may be in progress: waiting up to {_SETTLE_SECONDS} s for its result"
    )

    def ask(asked: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        found = outdated_of(run_script(context, "server/version.ps1", {}))
        return [{"done": found.get(item["host"].lower()) is False} for item in asked]

    def poll() -> tuple[bool] | None:
        is_done = bool(context.batcher.call("server/version.ps1", {"host": host}, ask)["done"])
        return (is_done,) if is_done or context.stop.is_set() else None

    try:
        seen: tuple[bool] = context.wait(
            context.access.server.host, what, poll, seconds=_SETTLE_SECONDS, longest=_PAUSE, report=report
        )
    except RemoteError as error:
        raise failed from error
    return seen[0]


def _update(context: ApplyContext, asked: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One run of the script; returns the results in the order of `asked`."""
    groups: dict[str, dict[str, Any]] = {}
    for item in asked:
        group = groups.setdefault(item["name"], {"proxies": [], **item["login"]})
        group["proxies"].append(item["host"])
    arguments = {"groups": [groups[name] for name in sorted(groups)], "wait": _SETTLE_SECONDS}
    answer = run_script(context, "server/update-proxy.ps1", arguments)
    with interpreting(context.access.server.host, "server/update-proxy.ps1"):
        results = {str(result.get("host")).lower(): dict(result) for result in answer.get("results", ())}
    silent = {"ok": False, "message": "the script returned no result for it"}
    return [results.get(item["host"].lower(), silent) for item in asked]


def _linux_login(context: ApplyContext, step: UpgradeProxy, login: Credential) -> dict[str, Any]:
    """New-VBOLinuxCredential's parameters, with the host key that the server sees and the inventory trusts."""
    seen = ssh_settings(context, step.name, str(step.host), proxy.ssh_settings(login.name, context.naming))
    return {
        "account": login.username,
        "password": Secret(context.naming.reveal(login.password)),
        "private_key": Secret(context.naming.reveal(login.private_key)),
        "passphrase": Secret(context.naming.reveal(login.passphrase)),
        "port": seen["port"],
        "elevate": login.elevates,
        "use_su": login.su,
        "root_password": Secret(context.naming.reveal(login.root_password)),
        "fingerprint": seen["fingerprint"],
        "public_key": seen["publicBase64Key"],
    }


def run_script(context: ApplyContext, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer of a script on the management server. Raises RemoteError."""
    with context.server_host() as host:
        answer = host.execute(shipped_script(name), arguments, deadline=context.access.server.deadlines.long)
    with interpreting(context.access.server.host, name):
        return dict(answer)
