"""A fleet as an inventory: organizations, their own Windows proxies, and pools of Linux proxies for some of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = """\
version: 1
name: fleet
server:
  host: vbo01.corp.example.com
  credentials: admin
  powershell: {credentials: admin}
credentials:
  admin: {username: 'CORP\\svc-vbo', password: secret://env/VBO_PASSWORD}
  local: {username: 'CORP\\svc-proxy', password: secret://env/LOCAL_PASSWORD}
  linux: {username: backup, private_key: secret://file/id_ed25519, sudo: true}
defaults:
  job: {run: never}
  repository: {retention: {type: item-level, keep: 3 years}}
groups:
  own: {type: domain, credentials: local, connection: {enabled: false}}
  member: {os: linux, type: workgroup, credentials: linux}
policy: {coverage: 2, max_changes: 100%}
"""
_SECTIONS = ("proxies", "pools", "repositories", "organizations", "jobs")
_PLACE = "{{type: s3-compatible, account: minio, endpoint: 'https://s3.example.net', bucket: b, folder: {}}}"
_ITEMS = ("mailbox", "archive-mailbox", "onedrive", "sites", "teams")


@dataclass(frozen=True, slots=True)
class Fleet:
    """`plain` organizations have `own` Windows proxies each; `pooled` ones have as many, one more, and a pool."""

    plain: int
    pooled: int
    own: int = 4
    members: int = 4

    @property
    def proxies(self) -> int:
        return self.plain * self.own + self.pooled * (self.own + 1 + self.members)

    @property
    def organizations(self) -> int:
        return self.plain + self.pooled

    def yaml(self) -> str:
        sections: dict[str, list[str]] = {name: [] for name in _SECTIONS}
        for number in range(self.organizations):
            for section, lines in self._organization(number):
                sections[section] += lines
        parts = [f"{name}:\n" + "".join(f"  {line}\n" for line in lines) for name, lines in sections.items() if lines]
        return _HEAD + "".join(parts)

    def _organization(self, number: int) -> Iterator[tuple[str, list[str]]]:
        name = f"org-{number:02}"
        pooled = number >= self.plain
        count = self.own + 1 if pooled else self.own
        own = [f"px-{number:02}-{index}" for index in range(count)]
        yield "proxies", [f"{proxy}: {{host: {proxy}.corp.example.com, group: own}}" for proxy in own]
        for proxy, item in zip(own, _ITEMS, strict=False):
            yield "repositories", [f"{proxy}: {{proxy: {proxy}, path: 'D:\\{name}'}}"]
            yield "jobs", [f"{proxy}: {{organization: {name}.example.com, repository: {proxy}, items: [{item}]}}"]
        serving = list(own)
        if pooled:
            pool = f"pool-{number:02}"
            members = [f"lx-{number:02}-{index}" for index in range(self.members)]
            yield "proxies", [f"{each}: {{host: {each}.example.net, group: member, pool: {pool}}}" for each in members]
            yield "pools", [f"{pool}: {{}}"]
            yield "repositories", [f"{pool}: {{pool: {pool}, object_storage: {_PLACE.format(name)}}}"]
            yield "jobs", [f"{pool}: {{organization: {name}.example.com, repository: {pool}, items: all}}"]
            serving.append(pool)
        yield "organizations", [f"{name}.example.com: {{proxies: [{', '.join(serving)}]}}"]
