"""Random inventories: one drawn from a seed."""

from __future__ import annotations

from random import Random
from typing import Any

HEX = "0123456789abcdef"
ORGANIZATIONS = ("alpha.example.com", "beta.example.com", "gamma.example.net")
THROTTLES = ("off", "10 MB/s", "100 Mbps", "512 KB/s")
KEEPS = ("30 days", "6 months", "1 year", "3 years", "7 years", "forever")
ITEMS = ("all", ["mailbox"], ["mailbox", "archive-mailbox"], ["onedrive", "sites", "teams"], ["sites"])
SCHEDULES: tuple[Any, ...] = (
    "manual",
    {"daily": "22:00"},
    {"daily": "23:30", "days": "workdays"},
    {"daily": "06:05", "days": "sunday"},
    {"every": "4 hours"},
    {"every": "15 minutes"},
)
BUILDS = (*("server",) * 12, *("8.5.0.1014",) * 5, "8.6.0.100", "8.4.0.10")


def inventory(draw: Random) -> dict[str, Any]:
    """An inventory that is usually valid: the product's rules are kept, and broken now and then."""
    rest = draw.choice(["auto", "auto", "auto", "v8", "v8", "v7", "v7", "v6", "v5"])
    modern = rest in ("auto", "v8")
    found: dict[str, Any] = {
        "version": 1,
        "name": "world",
        "server": server(draw, rest),
        "credentials": credentials(),
        "certificates": {
            "dmz-2026": {"pfx": "pki/dmz-2026.pfx", "passphrase": "secret://env/DMZ_PFX"},
            "dmz-2027": {"pfx": "pki/dmz-2027.pfx", "passphrase": "secret://env/DMZ_PFX_2"},
            "logon": {"cert": "pki/logon.pem", "key": "secret://file/logon.key"},
        },
        "defaults": defaults(draw),
        "groups": {
            "dmz": {"type": "workgroup", "credentials": "dmz", "certificate": "logon"},
            "linux": {"os": "linux", "type": "workgroup", "credentials": "linux"},
        },
    }
    pools = ["cloud", "archive"][: draw.randint(0, 2)] if modern else []
    proxies = {f"px-{n}": proxy(draw, n, pools, linux=modern) for n in range(1, draw.randint(2, 7))}
    pools = [name for name in pools if any(item.get("pool") == name for item in proxies.values())]
    repositories = {
        f"repo-{n}": repository(draw, n, proxies, pools, modern=modern) for n in range(1, draw.randint(2, 6))
    }
    found |= {"proxies": proxies, "repositories": repositories, "jobs": jobs(draw, list(repositories))}
    if pools:
        found["pools"] = {name: draw.choice([{}, {"description": f"Pool {name}"}]) for name in pools}
    found["organizations"] = organizations(draw, found)
    if draw.random() < 0.8:
        found["smtp"] = smtp(draw)
    if draw.random() < 0.6:
        found["policy"] = policy(draw, list(proxies))
    return found


def server(draw: Random, rest: str) -> dict[str, Any]:
    found: dict[str, Any] = {"host": "vbo.example.com", "credentials": "admin"}
    if rest != "auto":
        found["rest"] = rest
    if draw.random() < 0.8:
        found["powershell"] = {"credentials": "admin"}
        if draw.random() < 0.7:
            found["certificate"] = "dmz-2026"
    return found


def credentials() -> dict[str, Any]:
    return {
        "admin": {"username": "EXAMPLE\\svc-vbo", "password": "secret://env/VBO_PASSWORD"},
        "corp": {"username": "EXAMPLE\\svc-proxy", "password": "secret://env/CORP_PASSWORD"},
        "corp-2": {"username": "EXAMPLE\\svc-proxy-2", "password": "secret://env/CORP_2_PASSWORD"},
        "dmz": {"username": "Administrator", "password": "secret://env/DMZ_PASSWORD"},
        "linux": {"username": "backup", "private_key": "secret://file/id_ed25519", "sudo": True},
        "linux-2": {"username": "deploy", "password": "secret://env/LINUX_PASSWORD", "sudo": True},
        "mailer": {"username": "mailer", "password": "secret://env/SMTP_PASSWORD"},
    }


def defaults(draw: Random) -> dict[str, Any]:
    found: dict[str, Any] = {
        "proxy": {"port": 9193},
        "repository": {"retention": {"type": draw.choice(["item-level", "snapshot"]), "keep": "3 years"}},
        "job": {"schedule": {"daily": "22:00"}, "run": draw.choice(["on-change", "on-change", "never", "always"])},
    }
    if draw.random() < 0.4:
        found["mapping"] = {"repository": {"path": "D:\\VBO\\{tenant}"}, "job": {"items": "all"}}
    if draw.random() < 0.3:
        found["proxy"]["description"] = "As code"
    return found


def proxy(draw: Random, number: int, pools: list[str], *, linux: bool) -> dict[str, Any]:
    shape = draw.choice(["domain", "domain", "dmz", "linux", "linux"] if linux else ["domain", "domain", "dmz"])
    found: dict[str, Any] = {"host": f"px-{number}.example.{'com' if shape == 'domain' else 'net'}"}
    if shape == "domain":
        found |= {"type": "domain", "credentials": draw.choice(["corp", "corp", "corp-2"])}
    else:
        found["group"] = shape
    if pools and draw.random() < 0.7:
        found["pool"] = draw.choice(pools)
    for name, chance in (("description", 0.4), ("throttle", 0.3), ("port", 0.15), ("threads", 0.1)):
        if draw.random() < chance:
            found[name] = value(draw, name)
    if draw.random() < 0.2:
        found["service"] = service(draw, shape)
    if draw.random() < 0.1:
        found["internet_proxy"] = value(draw, "internet_proxy")
    return found


def value(draw: Random, name: str) -> Any:
    """A value of a field of a proxy."""
    return {
        "description": f"Rack {draw.randint(1, 9)}",
        "throttle": draw.choice(THROTTLES),
        "port": draw.choice([9193, 9293, 9393]),
        "threads": draw.choice([16, 64, 128]),
        "internet_proxy": draw.choice(
            [
                "none",
                "server",
                {"host": "web.example.com", "port": 3128},
                {"host": "web.example.com", "credentials": "corp"},
            ]
        ),
    }[name]


def service(draw: Random, shape: str) -> dict[str, Any]:
    if draw.random() < 0.6:
        return {"version": draw.choice(BUILDS)}
    build = draw.choice([*["8.5.0.1014"] * 7, "8.6.0.100"])
    name = f"veeamvboproxy_{build}_amd64.deb" if shape == "linux" else f"Proxy_{build}.msi"
    digest = "".join(draw.choice(HEX) for _ in range(64))
    return {"install": "package", "package": {"source": f"https://files.example.com/vbo/{name}", "sha256": digest}}


def repository(draw: Random, number: int, proxies: dict[str, Any], pools: list[str], *, modern: bool) -> dict[str, Any]:
    disks = [name for name, item in proxies.items() if item.get("group") != "linux" and not item.get("pool")]
    found: dict[str, Any] = {}
    if modern and (not disks or draw.random() < 0.4):
        owner = draw.choice([("pool", name) for name in pools] or [("proxy", name) for name in proxies])
        found |= {owner[0]: owner[1], "object_storage": storage(draw, number)}
    else:
        found |= {"proxy": draw.choice(disks or list(proxies)), "path": f"D:\\VBO\\{number}"}
    if draw.random() < 0.4:
        found["retention"] = {"keep": draw.choice(KEEPS)}
        if draw.random() < 0.5:
            found["retention"]["clean"] = draw.choice(["daily", "monthly"])
    if draw.random() < 0.3:
        found["description"] = f"Store {number}"
    return found


def storage(draw: Random, number: int) -> dict[str, Any]:
    kind = draw.choice(["s3-compatible", "s3-compatible", "s3", "azure-blob", "wasabi", "ibm"])
    found: dict[str, Any] = {"type": kind, "account": "minio", "bucket": "vbo", "folder": f"f-{number}"}
    if kind in ("s3-compatible", "wasabi", "ibm"):
        found["endpoint"] = "https://s3.example.net"
    if kind == "s3":
        found["region"] = "eu-west-2"
    if draw.random() < 0.3:
        found["size_limit_gb"] = draw.choice([512, 1024])
    return found


def jobs(draw: Random, repositories: list[str]) -> dict[str, Any]:
    return {f"job-{n}": job(draw, repositories) for n in range(1, draw.randint(2, 7))}


def job(draw: Random, repositories: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "organization": draw.choice(ORGANIZATIONS),
        "repository": draw.choice(repositories),
        "items": draw.choice(ITEMS[1:] if draw.random() < 0.8 else ITEMS),
    }
    for name, chance, known in (
        ("schedule", 0.5, SCHEDULES),
        ("enabled", 0.15, (False, True)),
        ("run", 0.2, ("on-change", "always", "never")),
        ("description", 0.2, ("Mail", "Files")),
    ):
        if draw.random() < chance:
            found[name] = draw.choice(known)
    return found


def organizations(draw: Random, found: dict[str, Any]) -> dict[str, Any]:
    """Those that jobs name; of some it is said who processes them, as the jobs have it or otherwise."""
    names = sorted({item["organization"] for item in found["jobs"].values()})
    result: dict[str, Any] = {name: {} for name in names}
    for name in names:
        stores = [
            found["repositories"][item["repository"]] for item in found["jobs"].values() if item["organization"] == name
        ]
        owners = sorted({str(store.get("pool") or store.get("proxy")) for store in stores})
        if draw.random() < 0.4:
            result[name]["proxies"] = owners
        elif draw.random() < 0.1:
            result[name]["proxies"] = [draw.choice(list(found["proxies"]))]
    if draw.random() < 0.2 and "mapping" in found["defaults"]:
        disks = [key for key, item in found["proxies"].items() if item.get("group") != "linux" and not item.get("pool")]
        result["delta.example.com"] = {"proxies": disks[:1]} if disks else {}
    return result


def smtp(draw: Random) -> dict[str, Any]:
    found: dict[str, Any] = {
        "server": "smtp.example.com",
        "port": draw.choice([25, 587]),
        "security": draw.choice(["tls", "none"]),
        "credentials": draw.choice(["mailer", "none"]),
        "from": "vbo@example.com",
        "to": ["it@example.com", "backup@example.com"][: draw.randint(1, 2)],
        "notify": draw.choice([["failure"], ["warning", "failure"], ["success", "warning", "failure"]]),
    }
    if draw.random() < 0.3:
        found["subject"] = "Backup: %JobName%"
    return found


def policy(draw: Random, proxies: list[str]) -> dict[str, Any]:
    known: dict[str, Any] = {
        "max_deletes": draw.choice([0, 1, 2, "50%"]),
        "max_changes": draw.choice([1, 5, "50%", "100%"]),
        "coverage": draw.choice([0, 1, 2, "50%", "100%"]),
        "protect": [f"proxy.{draw.choice(proxies)}", *draw.choice([[], ["repository.*"], ["job.job-1"]])],
        "drain": {"deadline": "30m", "then": draw.choice(["fail", "proceed"])},
        "windows": [{"allow": "00:00", "for": "24h"}],
    }
    return {name: known[name] for name in sorted(known) if draw.random() < 0.4}
