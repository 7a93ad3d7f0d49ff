"""Rules beyond the schema, as a table: what is wrong with a file by itself, before any network call.

To add one: a function that yields findings, a line in `RULES`, a case under `tests/inventory/cases/`. Rules look at
what is declared after defaults and groups (`Declared`), pass over it once, and need no network.
"""

from __future__ import annotations

from typing import Final

from reconciler.kinds.rules import (
    addresses,
    chain,
    copies,
    jobs,
    jumps,
    object_storage,
    packages,
    proxies,
    references,
    repositories,
    schedules,
    settings,
    versions,
)
from reconciler.kinds.rules.declared import Declared, Finding, Rule, Values, Where
from reconciler.model.diagnostic import Severity

RULES: Final = (
    Rule("no-name", "The inventory has no name", settings.without_name),
    Rule("no-server", "No management server", settings.without_server),
    Rule("unknown-name", "Name not declared", references.unknown_references),
    Rule("empty-login", "Credential without a secret", settings.empty_login),
    Rule("root-rights", "Two ways to root, or half of one", settings.wrong_elevation),
    Rule("server-password", "Credential does not fit", settings.server_without_password),
    Rule("powershell-login", "No login for PowerShell", settings.powershell_without_login),
    Rule("certificate-powershell", "Certificate needs PowerShell", settings.certificate_without_powershell),
    Rule("proxy-type", "Type of the proxy is missing", proxies.without_type),
    Rule("domain-login", "Domain proxy without credentials", proxies.domain_without_login),
    Rule("workgroup-login", "Workgroup proxy without a login", proxies.workgroup_without_login),
    Rule("push-login", "No account to deploy with", proxies.push_without_login, Severity.WARNING),
    Rule("linux-login", "Linux proxy without a login", proxies.linux_without_login),
    Rule("linux-agent", "Agent for the server", proxies.linux_by_agent),
    Rule("windows-password", "Credential does not fit", proxies.windows_without_password),
    Rule("jump-circle", "Jump hosts in a circle", jumps.circle),
    Rule("jump-windows", "Jump host for Windows", jumps.for_windows),
    Rule("transport", "Transport does not fit", proxies.wrong_transport),
    Rule("listener", "Listener does not fit", proxies.open_listener),
    Rule("connection-name", "Address in the place of a name", addresses.address_as_name),
    Rule("absent-in-use", "A proxy to be removed is in use", proxies.absent_in_use),
    Rule("same-host", "Two proxies on one host", proxies.same_host),
    Rule("server-as-proxy", "Server declared as a proxy", proxies.server_as_proxy),
    Rule("package-missing", "No package to install", packages.without_package),
    Rule("package-kind", "Package does not fit the system", packages.wrong_ending),
    Rule("package-build", "Build of the package", packages.without_build),
    Rule("address-host", "Host of an address", addresses.wrong_host),
    Rule("package-host", "Host cannot be reached", packages.unreachable_host),
    Rule("empty-pool", "Pool without members", repositories.pool_without_members),
    Rule("repository-owner", "Repository needs one owner", repositories.one_owner),
    Rule("repository-place", "Repository needs one place", repositories.one_place),
    Rule("retention", "Retention is missing", repositories.without_retention),
    Rule("disk-pool", "Disk repository in a pool", repositories.disk_in_pool),
    Rule("disk-linux", "Disk repository on Linux", repositories.disk_on_linux),
    Rule("owner-in-pool", "Owner is a member of a pool", repositories.owner_in_pool),
    Rule("repository-path", "Not a whole path", repositories.relative_path),
    Rule("same-place", "Two repositories in one place", repositories.same_place),
    Rule("storage-endpoint", "Object storage without an address", object_storage.without_endpoint),
    Rule("storage-setting", "Setting of another type of object storage", object_storage.of_another_type),
    Rule("storage-pair", "Setting without its other half", object_storage.contradicting),
    Rule("encryption-login", "Credential does not fit", object_storage.encryption_login),
    Rule("job-incomplete", "Something is missing in a job", chain.incomplete_job),
    Rule("whole-organization", "Two jobs for a whole organization", chain.whole_organization_twice),
    Rule("job-schedule", "Job without a schedule", schedules.without_schedule, Severity.WARNING),
    Rule("schedule-interval", "Part of the schedule without effect", schedules.without_interval, Severity.WARNING),
    Rule("copied-twice", "Two copy jobs for a job", copies.job_copied_twice),
    Rule("copy-target", "Repository cannot take copies", copies.wrong_target),
    Rule("item-both-ways", "Item selected and excluded", jobs.item_both_ways),
    Rule("pair-contradicted", "Job leads to another proxy", chain.contradicted_pair),
    Rule("pair-open", "No job for a pair", chain.open_pair),
    Rule("pool-member", "Member of a pool named alone", chain.pool_member_alone),
    Rule("ambiguous-name", "Proxy and pool with one name", chain.proxy_named_like_pool),
    Rule("former-name", "Former name is taken", chain.former_name_taken),
    Rule("names-alike", "Name is taken", chain.names_alike),
    Rule("same-tenant", "Two organizations with one tenant id", chain.same_tenant),
    Rule("mail-incomplete", "Something is missing for mail", settings.incomplete_mail),
    Rule("mail-unused", "Not used for mail", settings.unused_mail),
    Rule("mail-password", "Credential does not fit", settings.mail_without_password),
    Rule("mail-clear", "Password sent in the clear", settings.mail_in_the_clear, Severity.WARNING),
    Rule("zone", "Unknown time zone", settings.unknown_zone),
    Rule("version-ignored", "Not in this REST version", versions.ignored_field, Severity.WARNING),
    Rule("version-lacks", "Not in this REST version", versions.impossible),
    Rule("storage-form", "Object storage does not fit the REST version", object_storage.wrong_form),
)

__all__ = ["RULES", "Declared", "Finding", "Rule", "Values", "Where"]
