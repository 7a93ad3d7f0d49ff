"""The file of a fleet: what it names, which setting wins, and everything that can be wrong with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.inventory.fleet import Fleet, fleet_file, is_fleet, read_fleet
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from tests.fleet.writing import HEAD, inventory, write_fleet
from tests.inventory.pasting import pastes


def names(fleet: Fleet) -> list[str]:
    return [member.name for member in fleet.members]


def errors(path: Path) -> list[Diagnostic]:
    try:
        read_fleet(path)
    except Diagnosed as error:
        return list(error.diagnostics)
    return []


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("[sites/*.yml]", ["london", "paris", "rome"]),
        ("[sites/rome.yml, sites/*.yml]", ["rome", "london", "paris"]),
        ("{a: sites/rome.yml, b: {path: sites/paris.yml}}", ["a", "b"]),
        ("[deep/*/inventory.yml]", ["one", "two"]),
        ("[deep/*]", ["one", "two"]),
        ("['./deep/*/./inventory.yml']", ["one", "two"]),
        ("['deep//*//inventory.yml']", ["one", "two"]),
        ("[sites/london.yml, {path: 'deep/o*', group: emea}]", ["london", "one"]),
        ("['*.yml', sites/rome.yml]", ["other", "rome"]),
    ],
)
def test_inventories_are_named_by_their_files_or_by_the_map(tmp_path: Path, listed: str, found: list[str]) -> None:
    more = {f"deep/{name}/inventory.yml": inventory(name) for name in ("one", "two")}
    file = write_fleet(
        tmp_path, f"inventories: {listed}\ngroups: {{emea: {{}}}}\n", {**more, "other.yml": inventory("other")}
    )
    assert names(read_fleet(file)) == found


def test_the_setting_that_is_nearest_to_an_inventory_wins(tmp_path: Path) -> None:
    file = write_fleet(
        tmp_path,
        """\
inventories:
  london: {path: sites/london.yml, group: emea, parallelism: 1, executor: "dask://127.0.0.1:1"}
  paris: {path: sites/paris.yml, group: emea}
  rome: sites/rome.yml
groups: {emea: {parallelism: 2, known: known.yml, executor: "tls://emea:1"}}
defaults: {parallelism: 3, lock_wait: 60, notify_url: secret://env/HOOK}
""",
        {"known.yml": "version: 1\nknown: []\n"},
    )
    london, paris, rome = read_fleet(file).members
    assert [member.settings.parallelism for member in (london, paris, rome)] == [1, 2, 3]
    assert [member.settings.known for member in (paris, rome)] == [tmp_path / "known.yml", None]
    executors = ["dask://127.0.0.1:1", "tls://emea:1", ""]
    assert [member.settings.executor for member in (london, paris, rome)] == executors
    assert (rome.settings.lock_wait, rome.settings.notify_url) == (60, "secret://env/HOOK")
    assert (paris.group, rome.group, str(paris.position)) == ("emea", "", "fleet.yml:5:3")


@pytest.mark.parametrize(
    ("patterns", "found"),
    [([], ["london", "paris", "rome"]), (["r*", "london"], ["london", "rome"]), (["@emea"], ["paris"])],
)
def test_inventories_are_selected_in_the_order_of_the_file(
    tmp_path: Path, patterns: list[str], found: list[str]
) -> None:
    body = "inventories: [sites/london.yml, {path: sites/paris.yml, group: emea}, sites/rome.yml]\ngroups: {emea: {}}\n"
    fleet = read_fleet(write_fleet(tmp_path, body))
    assert [member.name for member in fleet.select(patterns)] == found


def test_a_selection_of_nothing_names_what_there_is(tmp_path: Path) -> None:
    fleet = read_fleet(write_fleet(tmp_path, "inventories: [sites/*.yml]\n"))
    with pytest.raises(Diagnosed) as error:
        fleet.select(["london", "pariss", "@emea"])
    assert [item.fix for item in error.value.diagnostics] == [
        "Use a name, a pattern or a group: london, paris, rome.",
        "Did you mean `paris`?",
    ]


@pytest.mark.parametrize(
    ("path", "found"), [("fleet.yml", True), (".", True), ("sites", False), ("sites/rome.yml", False), ("no", False)]
)
def test_a_fleet_is_known_by_its_keys(tmp_path: Path, path: str, *, found: bool) -> None:
    write_fleet(tmp_path, "inventories: [sites/*.yml]\n")
    assert is_fleet(tmp_path / path) is found
    assert (fleet_file(tmp_path / path) is not None) is found


def test_a_fleet_with_errors_is_still_a_fleet(tmp_path: Path) -> None:
    assert is_fleet(write_fleet(tmp_path, "inventories: [\n", head="# ours\ninventories: []\n"))


@pytest.mark.parametrize(
    ("text", "code", "fix"),
    [
        ("version: 1\nfleet: corp\ninventories: [sites/*.yml]\n", "wrong-type", "Write: fleet: {name: corp}"),
        ("version: 1\ninventories: [sites/*.yml]\n", "missing-key", "Add for example: fleet: {name: corp}"),
        (f"{HEAD}inventories: sites/*.yml\n", "wrong-type", 'Write: inventories: ["sites/*.yml"]'),
        (f"{HEAD}inventories: sites/rome.yml\n", "wrong-type", "Write: inventories: [sites/rome.yml]"),
        (f"{HEAD}inventories: []\n", "wrong-value", 'For example: inventories: ["sites/*.yml"]'),
        (f"{HEAD}inventories: {{rome: sites/roma.yml}}\n", "include", "Did you mean `sites/rome.yml`?"),
        (f"{HEAD}inventories: [sites/*.yaml]\n", "include", "Correct the pattern, or remove it."),
        (f"{HEAD}inventories: [../other.yml]\n", "include", "Move the file of the fleet to a folder"),
        (f"{HEAD}inventories: ['../*.yml']\n", "include", "Move the file of the fleet to a folder"),
        (f"{HEAD}inventories: [/etc/*.yml]\n", "include", "Write the path relative to the folder of this file."),
        (f"{HEAD}inventories: [fleet.yml]\n", "include", "Name the inventories of its servers."),
        (f"{HEAD}inventories: [inner]\n", "include", "Name the inventories of that fleet here."),
        (f"{HEAD}inventories: {{all: sites/*.yml}}\n", "wrong-value", "Write the file or folder"),
        (f"{HEAD}inventories: {{a: sites/rome.yml, b: sites/rome.yml}}\n", "said-twice", "Keep one of the two."),
        (f"{HEAD}inventories: [sites/*.yml, old/rome.yml]\n", "said-twice", "Give each a name, in a map:"),
        (f"{HEAD}inventories: [sites/rome.yml, old/Rome.yml]\n", "said-twice", "Give each a name, in a map:"),
        (f"{HEAD}inventories: {{rome: sites/rome.yml, Rome: old/Rome.yml}}\n", "said-twice", "Choose another name."),
        (f"{HEAD}inventories: ['old/my site.yml']\n", "bad-name", "Give each a name, in a map:"),
        (f"{HEAD}inventories: {{'my site': sites/rome.yml}}\n", "bad-name", "Choose another name."),
        (f"{HEAD}inventories: [{{path: sites/rome.yml, group: a}}]\n", "wrong-value", "Declare it, in this file:"),
        (f"{HEAD}inventories: [sites/*.yml]\ndefaults: {{paralelism: 4}}\n", "unknown-key", "Did you mean"),
        (f"{HEAD}inventories: [sites/*.yml]\ndefaults: {{parallelism: 0}}\n", "wrong-value", "For example:"),
        (f"{HEAD}inventories: [sites/*.yml]\ndefaults: {{parallelism: '4'}}\n", "wrong-type", "Remove the quotes:"),
        (f"{HEAD}inventories: [sites/*.yml]\ndefaults: {{known: no.yml}}\n", "missing-file", "Correct its name"),
        (f"{HEAD}inventories: [sites/*.yml]\ndefaults: {{known: ../no.yml}}\n", "wrong-value", "Move it into"),
        (f"{HEAD}inventories: [sites/*.yml]\ndefaults: {{notify_url: 'http://x'}}\n", "wrong-value", "For example:"),
        (f"{HEAD}inventories: [sites/*.yml]\ndefaults: {{executor: 'tcp://x:1'}}\n", "wrong-value", "For example:"),
        (f"{HEAD}inventories: [sites/*.yml]\nserver: {{}}\n", "unknown-key", "This belongs to an inventory"),
        (f"{HEAD.replace('1', '2')}inventories: [sites/*.yml]\n", "wrong-value", "Write: version: 1"),
    ],
)
def test_what_is_wrong_is_reported_with_its_place_and_fix(tmp_path: Path, text: str, code: str, fix: str) -> None:
    more = {
        "old/rome.yml": inventory("old"),
        "old/Rome.yml": inventory("older"),
        "old/my site.yml": inventory("site"),
        "inner/fleet.yml": f"{HEAD}inventories: [x.yml]\n",
    }
    file = write_fleet(tmp_path / "fleet", "", more, head=text)
    (found,) = errors(file)
    assert (found.code, found.fix[: len(fix)]) == (code, fix)
    assert found.position is not None
    assert found.position.file == "fleet.yml"
    for pasted in pastes(text, found):
        file.write_text(pasted, "utf-8")
        assert code not in [item.code for item in errors(file)], pasted


@pytest.mark.parametrize(
    ("text", "detail", "fix"),
    [
        ("inventories:\n", "`inventories` is empty; expected a list or a map", 'inventories: ["sites/*.yml"]'),
        ("inventories: 5\n", "`inventories` is a number; expected a list or a map", 'inventories: ["sites/*.yml"]'),
        ("defaults:\n", "`defaults` is empty; expected a map", "defaults: {parallelism: 8}"),
        ("defaults: {parallelism: }\n", "`defaults.parallelism` is empty; expected a whole number", "parallelism: 8"),
        ("defaults: {parallelism: x}\n", "`defaults.parallelism` is text; expected a whole number", "parallelism: 8"),
        ("defaults: {known: 4}\n", "`defaults.known` is a number; expected text", "known: known-drift.yml"),
    ],
)
def test_a_value_of_another_type_is_named_with_what_is_expected(
    tmp_path: Path, text: str, detail: str, fix: str
) -> None:
    more = "" if text.startswith("inventories") else "inventories: [sites/*.yml]\n"
    (found,) = errors(write_fleet(tmp_path, "", head=f"{HEAD}{more}{text}"))
    assert (found.detail, found.fix) == (f"{detail}.", f"For example: {fix}")


@pytest.mark.parametrize("listed", ["[sites/*.yml, old/rome.yml]", "['old/my site.yml', sites/rome.yml]"])
def test_the_map_of_names_can_be_pasted(tmp_path: Path, listed: str) -> None:
    more = {"old/rome.yml": inventory("old"), "old/my site.yml": inventory("site")}
    file = write_fleet(tmp_path, f"inventories: {listed}\n", more)
    (found,) = errors(file)
    file.write_text(f"{HEAD}{found.fix.partition(':')[2].strip()}\n", "utf-8")
    assert len(names(read_fleet(file))) == (4 if "*" in listed else 2)


def test_everything_is_reported_at_once(tmp_path: Path) -> None:
    body = "inventories: {a: {path: sites/rome.yml, grup: x}}\ndefaults: {parallelism: 0, lock_wait: -1}\nx: 1\n"
    found = errors(write_fleet(tmp_path, body))
    assert [str(item.position) for item in found] == [
        "fleet.yml:3:41",
        "fleet.yml:4:25",
        "fleet.yml:4:39",
        "fleet.yml:5:1",
    ]


def test_a_group_without_inventories_is_a_warning(tmp_path: Path) -> None:
    fleet = read_fleet(write_fleet(tmp_path, "inventories: [sites/*.yml]\ngroups: {emea: {}}\n"))
    assert [(item.code, str(item.position)) for item in fleet.warnings] == [("unused", "fleet.yml:4:10")]


def test_the_fleet_of_the_readme_is_valid(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (shown,) = re.findall(r"```yaml\n(version: 1\nfleet:.*?)```", readme, re.DOTALL)
    fleet = read_fleet(write_fleet(tmp_path, "", {"known-emea.yml": "version: 1\nknown: []\n"}, head=shown))
    assert (fleet.name, names(fleet), fleet.warnings) == ("corp", ["london", "paris"], ())


def test_what_does_not_fit_does_not_hide_the_rest(tmp_path: Path) -> None:
    text = f"""{HEAD}inventories:
  rome: {{path: sites/roma.yml, group: y}}
  paris: {{path: sites/paris.yml, group: x, paralelism: 3}}
  "a b": sites/london.yml
groups: {{x: {{known: no.yml}}}}
defaults: {{parallelism: 0}}
"""
    found = errors(write_fleet(tmp_path, "", head=text))
    assert [(item.position.line, item.code) for item in found if item.position] == [
        (4, "include"),
        (4, "wrong-value"),
        (5, "unknown-key"),
        (6, "bad-name"),
        (8, "wrong-value"),
    ]


def test_what_a_pattern_finds_is_named_and_groups_are_checked_of_what_cannot_be_used(tmp_path: Path) -> None:
    text = f"{HEAD}inventories: ['sites/*.yml', {{path: sites/no.yml, group: x}}]\n"
    file = write_fleet(tmp_path / "fleet", "", {}, head=text)
    (tmp_path / "other.yml").write_text(inventory("other"), "utf-8")
    (file.parent / "sites" / "link.yml").symlink_to(tmp_path / "other.yml")
    (file.parent / "sites" / "lost.yml").symlink_to("nowhere.yml")
    details = [item.detail for item in errors(file)]
    assert details == [
        "`sites/link.yml` is outside the folder of the fleet, after links are followed.",
        "`sites/lost.yml` does not exist.",
        "`sites/no.yml` does not exist.",
        "There is no group `x` in `groups`.",
    ]


@pytest.mark.parametrize("size", [300, 60_000])
def test_names_that_no_file_system_takes_are_reported_where_they_stand(tmp_path: Path, size: int) -> None:
    long = "y" * size
    text = f"{HEAD}inventories: [{long}, {{path: {long}/x.yml}}, '{long}*.yml']\ndefaults: {{known: {long}}}\n"
    found = errors(write_fleet(tmp_path, "", head=text))
    assert [item.code for item in found] == ["include"] * 3
    found = errors(
        write_fleet(tmp_path, "", head=f"{HEAD}inventories: [sites/rome.yml]\ndefaults: {{known: {long}}}\n")
    )
    assert [(item.code, str(item.position)) for item in found] == [("missing-file", "fleet.yml:4:19")]
    assert all(len(item.detail) < 500 for item in found)


def test_what_the_parser_refuses_does_not_hide_the_rest(tmp_path: Path) -> None:
    text = "inventories: []\ndefaults: {known: !x k.yml}\nmore: 1\nversion: 2\n"
    found = [(str(item.position), item.code) for item in errors(write_fleet(tmp_path, text))]
    assert {("fleet.yml:4:19", "tag"), ("fleet.yml:5:1", "unknown-key"), ("fleet.yml:6:1", "duplicate-key")} <= {*found}
