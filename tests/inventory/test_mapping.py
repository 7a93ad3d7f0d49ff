"""Pairs of organization and proxy that no job covers, filled from `defaults.mapping`."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.address import Address
from tests.inventory.writing import RETENTION, load_text

BODY = f"""\
proxies:
  px-1: {{host: a.example.com, type: domain, credentials: admin}}
  px-2: {{host: b.example.com, type: domain, credentials: admin}}
repositories:
  mail: {{proxy: px-1, path: 'D:\\mail', {RETENTION}}}
organizations:
  contoso.example.com: {{proxies: [px-2, px-1]}}
  fabrikam.example.com: {{proxies: [px-2]}}
jobs:
  mail: {{organization: contoso.example.com, repository: mail, items: [mailbox]}}
defaults:
  repository: {{retention: {{keep: 1 year}}}}
  job: {{run: never}}
  mapping:
    repository: {{name: "{{tenant}} on {{proxy}}", path: 'D:\\{{tenant}}\\{{proxy}}', retention: {{type: snapshot}}}}
    job: {{description: "{{organization}}, {{proxy}}", schedule: manual}}
"""


def test_open_pairs_are_filled_and_covered_ones_are_not(tmp_path: Path) -> None:
    resources = load_text(tmp_path, BODY).resources
    assert [address for address in resources if address.startswith(("job.", "repository."))] == [
        "job.contoso.example.com-px-2",
        "job.fabrikam.example.com-px-2",
        "job.mail",
        "repository.contoso on px-2",
        "repository.fabrikam on px-2",
        "repository.mail",
    ]
    assert resources[Address("repository.contoso on px-2")].fields == {
        "name": "contoso on px-2",
        "owner": "proxy.px-2",
        "path": "D:\\contoso\\px-2",
        "retention.type": "snapshot",
        "retention.keep": "1 year",
    }
    assert resources[Address("job.fabrikam.example.com-px-2")].fields == {
        "name": "fabrikam.example.com-px-2",
        "organization": "fabrikam.example.com",
        "repository": "fabrikam on px-2",
        "description": "fabrikam.example.com, px-2",
        "schedule": "manual",
        "items": "all",
        "enabled": True,
        "run": "never",
    }


def test_what_was_filled_points_to_the_pair_and_the_template(tmp_path: Path) -> None:
    job = load_text(tmp_path, BODY).resources[Address("job.fabrikam.example.com-px-2")]
    assert str(job.position) == "inventory.yml:12:36"
    assert str(job.positions["organization"]) == "inventory.yml:12:36"
    assert str(job.positions["schedule"]) == "inventory.yml:20:51"
    assert str(job.positions["run"]) == "inventory.yml:17:9"
    assert "items" not in job.positions


def test_a_pool_gets_a_repository_of_the_pool(tmp_path: Path) -> None:
    body = f"""\
proxies: {{lx: {{host: a.example.com, os: linux, type: workgroup, credentials: admin, pool: cloud}}}}
pools: {{cloud: {{}}}}
organizations: {{contoso.example.com: {{proxies: [cloud]}}}}
defaults:
  mapping:
    repository:
      object_storage: {{type: azure-blob, account: a, bucket: b, folder: "{{tenant}}"}}
      {RETENTION}
    job: {{items: [mailbox]}}
"""
    store = load_text(tmp_path, body).resources[Address("repository.contoso.example.com-cloud")].fields
    assert store["owner"] == "pool.cloud"
    assert store["object_storage.folder"] == "contoso"


def test_names_of_proxies_are_sorted_in_the_model(tmp_path: Path) -> None:
    organization = load_text(tmp_path, BODY).resources[Address("organization.contoso.example.com")]
    assert organization.fields["proxies"] == ["px-1", "px-2"]
