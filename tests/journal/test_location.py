"""Where the journal is, as the environment says; and that a database over a network has to prove who it is."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from reconciler.journal import JournalError
from reconciler.journal.location import find_location

HOME = Path.home()


@pytest.mark.parametrize(
    ("environ", "file"),
    [
        ({}, HOME / ".local/state/vbo-reconcile/journal.db"),
        ({"XDG_STATE_HOME": "/var/lib/alice"}, Path("/var/lib/alice/vbo-reconcile/journal.db")),
        ({"XDG_STATE_HOME": "relative"}, HOME / ".local/state/vbo-reconcile/journal.db"),
        ({"VBO_RECONCILE_JOURNAL": ""}, HOME / ".local/state/vbo-reconcile/journal.db"),
        ({"VBO_RECONCILE_JOURNAL": "/srv/j.db"}, Path("/srv/j.db")),
        ({"VBO_RECONCILE_JOURNAL": "~/j.db"}, HOME / "j.db"),
        ({"VBO_RECONCILE_JOURNAL": "j.db"}, Path.cwd() / "j.db"),
        ({"VBO_RECONCILE_JOURNAL": "sqlite:///j.db"}, Path.cwd() / "j.db"),
        ({"VBO_RECONCILE_JOURNAL": "sqlite:////srv/j.db"}, Path("/srv/j.db")),
    ],
)
def test_a_file_is_found(environ: dict[str, str], file: Path) -> None:
    place = find_location(environ=environ)
    assert (place.file, place.url, place.label) == (file, None, str(file))
    assert place.own_folder == ("VBO_RECONCILE_JOURNAL" not in environ or not environ["VBO_RECONCILE_JOURNAL"])


def test_what_is_asked_for_comes_before_the_environment() -> None:
    assert find_location("/srv/a.db", {"VBO_RECONCILE_JOURNAL": "/srv/b.db"}).file == Path("/srv/a.db")


@pytest.mark.parametrize(
    ("text", "query", "environ"),
    [
        ("postgresql+psycopg://vbo@/vbo?host=/run/postgresql", {"host": "/run/postgresql"}, {}),
        ("postgresql:///vbo", {}, {}),
        ("postgres://localhost/vbo", {}, {}),
        ("postgresql://127.0.0.1:5433/vbo?sslmode=disable", {"sslmode": "disable"}, {}),
        ("postgresql://[::1]/vbo", {}, {}),
        ("postgresql://db.example.com/vbo", {"sslmode": "verify-full", "sslrootcert": "system"}, {}),
        ("postgresql:///vbo?host=db.example.com:5432", {"sslmode": "verify-full"}, {}),
        ("postgresql://localhost/vbo?hostaddr=192.0.2.7", {"sslmode": "verify-full"}, {}),
        ("postgresql://localhost,db.example.com/vbo", {"sslmode": "verify-full"}, {}),
        ("postgresql:///vbo", {"sslmode": "verify-full"}, {"PGHOST": "db.example.com"}),
        ("postgresql:///vbo", {"sslmode": "verify-full"}, {"PGSERVICE": "vbo"}),
        (
            "postgresql://db.example.com/vbo?sslrootcert=/etc/ca.pem",
            {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"},
            {},
        ),
        ("postgresql://db.example.com/vbo?sslmode=verify-ca", {"sslmode": "verify-ca"}, {}),
    ],
)
def test_a_database_over_a_network_has_to_prove_who_it_is(
    text: str, query: dict[str, str], environ: dict[str, str]
) -> None:
    url = find_location(text, environ).url
    assert url is not None
    assert url.drivername == "postgresql+psycopg"
    assert {name: url.query[name] for name in query} == query
    assert ("sslmode" in url.query) == ("sslmode" in query)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
def test_checking_cannot_be_turned_off(mode: str) -> None:
    with pytest.raises(JournalError, match=f"sslmode={mode} does not check") as error:
        find_location(f"postgresql://db.example.com/vbo?sslmode={mode}")
    assert "sslmode=verify-full" in error.value.hint


@pytest.mark.parametrize(
    "text",
    ["mysql://alice:hunter2@db/vbo", "sqlite://", "sqlite:///", "redis://x", "https://example.com/journal"],
)
def test_nothing_else_is_a_journal(text: str) -> None:
    with pytest.raises(JournalError, match="a journal cannot be kept in") as error:
        find_location(text)
    assert error.value.code == "journal-address"
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://alice:hunter2@x@db.example.com/vbo",
        "postgresql://alice:hunter2@db.example.com:port/vbo",
        "postgresql://alice:hunter2@db example/vbo",
        "postgresql://alice:x@hunter2?y@db.example.com/vbo",
        "postgresql://alice:x@hunter2?y=z@db.example.com/vbo?sslmode=verify-full",
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(text: str) -> None:
    with pytest.raises(JournalError, match="is not a URL of the form") as error:
        find_location(text, {})
    assert error.value.code == "journal-address"
    assert error.value.__suppress_context__ or error.value.__context__ is None
    assert "hunter2" not in f"{error.value} {error.value.hint} {error.value.__cause__}"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql:/alice:hunter2@db.example.com/vbo",
        "postgresql+psycopg:/alice:hunter2@db.example.com/vbo",
        "postgresql+psycopg:alice:hunter2@db.example.com/vbo",
        "postgresql//alice:hunter2@db.example.com/vbo",
        " Postgres:/alice:hunter2@db.example.com/vbo",
        "mysql:/alice:hunter2@db/vbo",
        "https:\\\\alice:hunter2@db\\vbo",
        "sqlite:/srv/journal.db",
        "file:/srv/journal.db",
        "host=db.example.com user=alice password=hunter2 dbname=vbo",
    ],
)
def test_a_url_with_a_slip_is_no_local_file(text: str) -> None:
    with pytest.raises(JournalError, match="is not a URL of the form") as error:
        find_location(text, {})
    assert error.value.code == "journal-address"
    assert "hunter2" not in f"{error.value} {error.value.hint}"


@pytest.mark.parametrize(
    "text", ["postgresql://svc@db/vbo?sslmode=verify-full/svc:hunter2@db", "postgresql://db/svc:hunter2@db2/vbo"]
)
def test_a_login_at_the_wrong_place_is_not_repeated(text: str) -> None:
    with pytest.raises(JournalError) as caught:
        find_location(text, {})
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "text", ["C:/state/journal.db", "C:\\state\\journal.db", "a:b", "x/y:z.db", "postgres/a.db", "./ab:/c"]
)
def test_a_path_with_a_colon_is_a_path(text: str) -> None:
    assert find_location(text, {}).file == Path(text).absolute()


def test_a_label_names_server_and_database() -> None:
    assert find_location("postgresql://", {}).label == "the PostgreSQL database of this user at the local socket"
    place = find_location("postgresql://alice:hunter2@db.example.com:5433/vbo?sslrootcert=/etc/ca.pem", {})
    assert place.label == "the PostgreSQL database vbo at db.example.com"


@pytest.mark.parametrize("text", ["~/journal.db", "~no-such-user/journal.db"])
def test_a_home_that_the_system_does_not_know(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(JournalError, match="the system knows no home for ~") as error:
        find_location(text, {})
    assert error.value.code == "journal-address"
    assert error.value.hint == "Give the path of the file without ~."


def unknown(_: int) -> NoReturn:
    raise KeyError("a number without a name")
