"""Objects keep their identity: what is renamed, copied or unmarked on the server, or has another key in the inventory,
is neither deleted nor created."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.plan import Action, Plan
from reconciler.model.recall import Identity
from tests.worlds.base import Edit, applied, changes, inventory, planned
from tests.worlds.test_tables import COLLECTIONS, raw_of
from tests.worlds.world import World

RENAMED = {"pool": "cloud", "repository": "disk-1", "job": "mail"}
SECTIONS = {"proxy": "proxies", "pool": "pools", "repository": "repositories", "job": "jobs"}
MARKED = {"proxy": "px-1.example.com", **RENAMED}
REST = [5, 6, 7, 8]


def versions(*kinds: str) -> list[tuple[str, int]]:
    return [(kind, rest) for kind in kinds for rest in REST if kind != "pool" or rest == 8]


def rename(world: World, kind: str, old: str, new: str) -> dict[str, Any]:
    raw = raw_of(world.server, kind, old)
    raw[COLLECTIONS[kind][1]] = new
    return raw


def lost(world: World) -> World:
    """Without the journal."""
    world.memory.rows.clear()
    world.memory.ids.clear()
    return world


def actions(made: Plan) -> set[Action]:
    return {change.action for change in made.changes if change.action is not Action.RUN}


def converges(world: World, *edits: Edit) -> list[str]:
    """Apply; the second plan is empty. Returns what was written."""
    world.server.log.clear()
    wanted = inventory(world, *edits)
    world.apply(wanted)
    assert [change for change in world.plan(wanted).changes if change.action is not Action.RUN] == []
    return [line.partition("/")[0] for line in world.server.log if "start" not in line]


def moved(section: str, old: str, new: str, **more: Any) -> Edit:
    """Another key, in everything that names it."""

    def edit(document: dict[str, Any]) -> None:
        document[section][new] = {**document[section].pop(old), **more}
        key = {"pools": "pool", "repositories": "repository"}.get(section, "")
        for users in ("proxies", "repositories", "jobs"):
            for item in document[users].values():
                if key and item.get(key) == old:
                    item[key] = new

    return edit


class TestRenamedInTheConsole:
    """Finding 4, second half: drift of the name, with the journal and without it."""

    @pytest.mark.parametrize(("kind", "rest"), versions(*RENAMED))
    @pytest.mark.parametrize("journal", [True, False])
    def test_the_name_is_put_back(self, tmp_path: Path, kind: str, rest: int, *, journal: bool) -> None:
        name = RENAMED[kind]
        world = applied(tmp_path, rest)
        before = copy.deepcopy(raw_of(world.server, kind, name))
        rename(world, kind, name, "Console name")
        world = world if journal else lost(world)
        made = planned(world)
        (change,) = changes(made).values()
        assert change.key == f"update:{kind}.{name}"
        assert [(item.path, item.before, item.after) for item in change.fields] == [("name", "Console name", name)]
        assert converges(world) == [f"PUT {COLLECTIONS[kind][0]}"]
        after = raw_of(world.server, kind, name)
        own = {"lastRun": "", **({"excludedItems": []} if kind == "job" else {})}
        assert {**after, **own} == {**before, **own}

    @pytest.mark.parametrize("kind", RENAMED)
    @pytest.mark.parametrize("journal", [True, False])
    def test_it_can_be_accepted(self, tmp_path: Path, kind: str, *, journal: bool) -> None:
        world = applied(tmp_path)
        rename(world, kind, RENAMED[kind], "Console name")
        world = world if journal else lost(world)
        edit = lambda document: document[SECTIONS[kind]][RENAMED[kind]].update(name="Console name")  # noqa: E731
        made = planned(world, edit)
        assert (made.changes, made.problems, made.reports) == ((), (), ())

    def test_one_that_cannot_be_told_apart_is_neither_deleted_nor_created(self, tmp_path: Path) -> None:
        world = lost(applied(tmp_path))
        raw = rename(world, "job", "mail", "Post")
        twin = {key: value for key, value in raw.items() if key != "id"}
        world.server.add("Jobs", **{**twin, "name": "Other post"})
        made = planned(world)
        assert all(change.blocked for change in changes(made).values())
        assert set(changes(made)) == {"create:job.mail", "delete:job.Post", "delete:job.Other post"}

    def test_the_cause_is_drift(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        rename(world, "job", "mail", "Post")
        assert changes(planned(world))["update:job.mail"].cause.reason.value == "drift"


class TestRenamedOrganizations:
    """Finding 4, first half: the name of an organization is a display name."""

    @pytest.mark.parametrize("rest", REST)
    def test_nothing_is_planned(self, tmp_path: Path, rest: int) -> None:
        world = applied(tmp_path, rest)
        rename(world, "organization", "alpha.example.com", "Atlanta")
        made = planned(world)
        assert (made.changes, made.problems) == ((), ())
        (report,) = made.reports
        assert (report.address, report.code) == ("organization.alpha.example.com", "display-name")
        assert report.fix.endswith('name: "Atlanta"')
        edit = lambda document: document["organizations"]["alpha.example.com"].update(name="Atlanta")  # noqa: E731
        assert planned(world, edit).reports == ()

    @pytest.mark.parametrize("said", [{"name": "Atlanta"}, {"formerly": "Atlanta"}])
    def test_without_the_journal_it_is_declared(self, tmp_path: Path, said: dict[str, str]) -> None:
        world = lost(applied(tmp_path))
        rename(world, "organization", "alpha.example.com", "Atlanta")
        assert [item.code for item in planned(world).problems] == ["organization-missing"]
        made = planned(world, lambda document: document["organizations"]["alpha.example.com"].update(said))
        assert (made.changes, made.problems) == ((), ())

    @pytest.mark.parametrize("journal", [True, False])
    def test_a_tenant_id_is_the_same_whatever_the_name(self, tmp_path: Path, *, journal: bool) -> None:
        world = applied(tmp_path)
        world = world if journal else lost(world)
        raw = rename(world, "organization", "alpha.example.com", "beta.example.com")
        raw["msid"] = "3a5b1c7e-2f40-4d1c-9b5e-0a1b2c3d4e5f"
        said = {"id": "3A5B1C7E-2F40-4D1C-9B5E-0A1B2C3D4E5F"}
        made = planned(world, lambda document: document["organizations"]["alpha.example.com"].update(said))
        assert (made.changes, made.problems, made.reports) == ((), (), ())

    def test_another_tenant_of_that_name_is_another_one(self, tmp_path: Path) -> None:
        world = lost(applied(tmp_path))
        raw_of(world.server, "organization", "alpha.example.com")["msid"] = "3a5b1c7e-2f40-4d1c-9b5e-0a1b2c3d4e5f"
        said = {"id": "00000000-2f40-4d1c-9b5e-0a1b2c3d4e5f"}
        made = planned(world, lambda document: document["organizations"]["alpha.example.com"].update(said))
        assert [item.code for item in made.problems] == ["organization-missing"]
        assert all(change.blocked for change in made.changes)

    @pytest.mark.parametrize("rest", [5, 6, 7])
    def test_before_v8_there_is_no_tenant_id_and_the_name_counts(self, tmp_path: Path, rest: int) -> None:
        world = applied(tmp_path, rest)
        document = {"id": "3a5b1c7e-2f40-4d1c-9b5e-0a1b2c3d4e5f"}
        made = world.plan(inventory(world, lambda said: said["organizations"]["alpha.example.com"].update(document)))
        assert (made.changes, made.problems) == ((), ())


class TestUnmarked:
    """Finding 9: a description that was edited in the console is drift."""

    @pytest.mark.parametrize(("kind", "rest"), versions(*MARKED))
    @pytest.mark.parametrize("text", ["edited by hand", ""])
    def test_the_mark_is_put_back(self, tmp_path: Path, kind: str, rest: int, text: str) -> None:
        world = applied(tmp_path, rest)
        raw = raw_of(world.server, kind, MARKED[kind])
        before = raw["description"]
        raw["description"] = text
        made = planned(world)
        (change,) = changes(made).values()
        assert change.key == f"update:{kind}.{MARKED[kind].partition('.')[0]}"
        (field,) = change.fields
        declared = before.removesuffix("[vbo-reconcile:world]").strip()
        assert (field.path, field.before) == ("description", text)
        assert field.after == f"{declared or text} [vbo-reconcile:world]".strip()
        assert [item.code for item in made.reports] == []
        assert converges(world) == [f"PUT {COLLECTIONS[kind][0]}"]
        assert raw["description"] == field.after

    @pytest.mark.parametrize("kind", ["repository", "job"])
    def test_without_the_journal_it_is_external(self, tmp_path: Path, kind: str) -> None:
        world = lost(applied(tmp_path))
        raw_of(world.server, kind, MARKED[kind])["description"] = "edited by hand"
        assert planned(world).changes == ()

    def test_one_that_is_declared_no_more_is_kept(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        raw_of(world.server, "job", "mail")["description"] = "mine now"
        made = planned(world, lambda document: document["jobs"].pop("mail"))
        assert made.changes == ()
        (report,) = made.reports
        assert report.detail.startswith("created by this inventory, and its mark was removed")

    def test_a_description_that_is_not_shown_is_not_written(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        raw_of(world.server, "job", "mail")["description"] = None
        assert planned(world).changes == ()


class TestAnotherKey:
    """The inventory calls an object otherwise."""

    @pytest.mark.parametrize("kind", RENAMED)
    def test_a_rename_is_suggested_and_nothing_is_deleted(self, tmp_path: Path, kind: str) -> None:
        world = applied(tmp_path)
        edit = moved(SECTIONS[kind], RENAMED[kind], "new")
        made = planned(world, edit)
        assert [change.key for change in made.changes if not change.blocked] == []
        report = next(item for item in made.reports if item.code == "renamed")
        assert report.address == f"{kind}.new"
        assert report.position is not None
        assert f'new (at {report.position}):\n  formerly: "{RENAMED[kind]}"\n' in report.fix
        fixed = moved(SECTIONS[kind], RENAMED[kind], "new", formerly=RENAMED[kind])
        assert actions(planned(world, fixed)) == {Action.UPDATE}
        assert "DELETE" not in "".join(converges(world, fixed))

    @pytest.mark.parametrize("kind", RENAMED)
    def test_with_its_name_nothing_changes(self, tmp_path: Path, kind: str) -> None:
        world = applied(tmp_path)
        edit = moved(SECTIONS[kind], RENAMED[kind], "new", name=RENAMED[kind])
        assert changes(planned(world, edit)) == {}
        assert converges(world, edit) == []
        assert f"{kind}.new" in world.memory.ids
        assert f"{kind}.{RENAMED[kind]}" not in world.memory.ids, "nothing is declared under this address"

    def test_another_name_renames(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        edit = lambda document: document["jobs"]["mail"].update(name="Mail of Alpha")  # noqa: E731
        (change,) = changes(planned(world, edit)).values()
        assert [(item.path, item.after) for item in change.fields] == [("name", "Mail of Alpha")]
        assert converges(world, edit) == ["PUT Jobs"]

    def test_another_host_is_another_proxy(self, tmp_path: Path) -> None:
        """A proxy has the name that it was registered by."""
        world = applied(tmp_path)
        made = planned(world, lambda document: document["proxies"]["px-6"].update(host="px-9.example.com"))
        assert set(changes(made)) == {"create:proxy.px-6", "delete:proxy.px-6.example.com"}

    def test_a_deleted_one_keeps_its_address(self, tmp_path: Path) -> None:
        """What `--target` names is what was in the inventory."""
        world = applied(tmp_path)
        edit = moved("jobs", "mail", "alpha-mail", name="mail")
        converges(world, edit)

        def gone(document: dict[str, Any]) -> None:
            edit(document)
            del document["jobs"]["alpha-mail"]

        assert set(changes(planned(world, gone))) == {"delete:job.alpha-mail"}
        assert converges(world, gone) == ["DELETE Jobs"]
        assert "job.alpha-mail" not in world.memory.ids


class TestWrongMemory:
    def test_a_name_precedes_an_id(self, tmp_path: Path) -> None:
        """The object was renamed, and another one has its name now: neither is deleted, and never one is both."""
        world = applied(tmp_path)
        raw = rename(world, "job", "mail", "Post")
        twin = {key: value for key, value in raw.items() if key != "id"}
        ident = world.server.add("Jobs", **{**twin, "name": "mail"})
        live = world.look(inventory(world))
        assert {str(where): item.id for where, item in live.resources.items() if item.name in ("mail", "Post")} == {
            "job.mail": ident,
            "job.Post": raw["id"],
        }
        made = planned(world)
        assert [item.code for item in made.reports if item.address == "job.mail"] == ["other-identity"]
        (change,) = changes(made).values()
        assert (
            change.blocked == "it was job.mail at the last apply, which is declared: another object has that name now"
        )

    def test_the_id_is_that_of_another_declared_object(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        known = world.memory.ids
        known["job.mail"], known["job.files"] = known["job.files"], known["job.mail"]
        made = planned(world)
        assert made.changes == ()
        assert {item.code for item in made.reports} == {"other-identity"}
        assert converges(world) == []
        assert planned(world).reports == ()

    def test_of_another_server(self, tmp_path: Path) -> None:
        """Its ids are of other objects, or of none."""
        world = applied(tmp_path)
        idents = [item["id"] for part in world.server.data.values() for item in part.values()]
        for number, where in enumerate(sorted(world.memory.ids)):
            world.memory.ids[where] = Identity(idents[-1 - number % len(idents)], ours=True)
        made = planned(world)
        assert made.changes == ()

    def test_an_object_that_was_made_again(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        raw = raw_of(world.server, "job", "mail")
        del world.server.data["Jobs"][raw["id"]]
        ident = world.server.add("Jobs", **{key: value for key, value in raw.items() if key != "id"})
        assert (planned(world).changes, planned(world).reports) == ((), ())
        assert converges(world) == []
        assert world.memory.ids["job.mail"] == Identity(ident, ours=True)

    def test_ids_have_no_letter_case(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        rename(world, "job", "mail", "Post")
        for where, known in world.memory.ids.items():
            world.memory.ids[where] = Identity(known.id.upper(), known.ours)
        assert set(changes(planned(world))) == {"update:job.mail"}


class TestCopies:
    def test_a_copy_with_the_mark_is_kept(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        raw = {key: value for key, value in raw_of(world.server, "job", "mail").items() if key != "id"}
        world.server.add("Jobs", **{**raw, "name": "Copy of mail"})
        made = planned(world)
        assert made.changes == ()
        assert [(item.address, item.code) for item in made.reports] == [("job.Copy of mail", "not-recorded")]

    def test_a_copy_is_not_the_original(self, tmp_path: Path) -> None:
        """The original is renamed; the copy has its mark, and everything else."""
        world = applied(tmp_path)
        raw = rename(world, "job", "mail", "Post")
        twin = {key: value for key, value in raw.items() if key != "id"}
        world.server.add("Jobs", **{**twin, "name": "Copy of mail"})
        (change,) = changes(planned(world)).values()
        assert change.key == "update:job.mail"
        converges(world)
        assert raw["name"] == "mail"


class TestEqualNames:
    """Names of jobs are unique within an organization only."""

    @staticmethod
    def two(document: dict[str, Any]) -> None:
        for number, organization in enumerate(("alpha", "beta"), 1):
            document["jobs"][f"{organization}-daily"] = {
                "name": "Daily",
                "organization": f"{organization}.example.com",
                "repository": f"disk-{number}",
                "items": ["teams"],
            }

    @pytest.mark.parametrize("rest", REST)
    @pytest.mark.parametrize("journal", [True, False])
    def test_two_organizations(self, tmp_path: Path, rest: int, *, journal: bool) -> None:
        world = applied(tmp_path, rest)
        converges(world, self.two)
        world = world if journal else lost(world)
        assert planned(world, self.two).changes == ()
        jobs = [item for item in world.server.data["Jobs"].values() if item["name"] == "Daily"]
        assert len({item["organizationId"] for item in jobs}) == 2
        jobs[0]["name"], before = "Renamed", jobs[1]["name"]
        (change,) = changes(planned(world, self.two)).values()
        assert change.key == "update:job.alpha-daily"
        converges(world, self.two)
        assert (jobs[0]["name"], jobs[1]["name"]) == ("Daily", before)

    def test_addresses_of_undeclared_ones_do_not_depend_on_their_order(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        mail = {key: value for key, value in raw_of(world.server, "job", "mail").items() if key != "id"}
        for organization in ("beta.example.com", "gamma.example.net", "delta.example.com"):
            ident = raw_of(world.server, "organization", organization)["id"]
            world.server.add("Jobs", **{**mail, "name": "Twin", "organizationId": ident, "description": ""})
        seen = {where: item.id for where, item in world.look(inventory(world)).resources.items()}
        assert len([where for where in seen if where.startswith("job.Twin (")]) == 3
        jobs = world.server.data["Jobs"]
        world.server.data["Jobs"] = dict(reversed(list(jobs.items())))
        assert {where: item.id for where, item in world.look(inventory(world)).resources.items()} == seen


class TestJobsWithoutLinks:
    """Finding 14: up to v7 a job says its organization by a link, which an answer may miss."""

    @pytest.mark.parametrize("rest", [5, 6, 7])
    @pytest.mark.parametrize("journal", [True, False])
    def test_nothing_is_created_started_or_deleted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: int, *, journal: bool
    ) -> None:
        world = applied(tmp_path, rest)
        world = world if journal else lost(world)
        shown = world.server._shown

        def without_links(collection: str, item: Any) -> dict[str, Any]:
            return {key: value for key, value in shown(collection, item).items() if key != "_links"}

        monkeypatch.setattr(world.server, "_shown", without_links)
        made = planned(world)
        assert [change.key for change in made.changes if not change.blocked] == []
        assert Action.DELETE not in actions(made)
        world.apply(inventory(world))
        assert world.server.log == []
