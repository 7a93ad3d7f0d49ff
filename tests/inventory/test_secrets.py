"""Secret references to values, and what is said when there is none."""

from __future__ import annotations

import os
import select
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from reconciler.installation import install_command
from reconciler.inventory.secret_command import MAX_OUTPUT
from reconciler.inventory.secrets import Resolver
from reconciler.model.errors import SecretError
from reconciler.model.secret import SecretRef
from tests.inventory.writing import load_text

CANARY = "correct-horse-battery"


def _reveal(resolver: Resolver, text: str) -> str:
    return resolver.resolve(SecretRef.parse(text)).reveal()


def _refusal(resolver: Resolver, text: str) -> str:
    with pytest.raises(SecretError) as caught:
        _reveal(resolver, text)
    assert CANARY not in str(caught.value)
    assert text in str(caught.value)
    return str(caught.value).removeprefix(f"{text}: ")


def _script(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{text}", "utf-8")
    path.chmod(0o700)
    return path


def test_environment(tmp_path: Path) -> None:
    resolver = Resolver(str(tmp_path), environment={"P": "0123", "EMPTY": ""})
    assert _reveal(resolver, "secret://env/P") == "0123"
    assert _refusal(resolver, "secret://env/NO") == "the environment variable NO is not set"
    assert _refusal(resolver, "secret://env/EMPTY") == "the secret is empty"


@pytest.mark.parametrize(
    ("content", "value"),
    [("s", "s"), ("s\n", "s"), ("s\r\n", "s"), ("s\n\n", "s\n"), (" s ", " s "), ("two\nlines\n", "two\nlines")],
)
def test_a_file_loses_one_line_end(tmp_path: Path, content: str, value: str) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "p").write_bytes(content.encode())
    assert _reveal(Resolver(str(tmp_path)), "secret://file/secrets/p") == value


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe" + CANARY.encode())
    (tmp_path / "large").write_bytes(CANARY.encode() * 100_000)
    (tmp_path / "folder").mkdir()
    resolver = Resolver(str(tmp_path))
    assert "the file does not exist" in _refusal(resolver, "secret://file/nothing")
    assert "the file does not exist" in _refusal(resolver, "secret://file/folder")
    assert _refusal(resolver, "secret://file/binary") == "the secret is not UTF-8 text"
    assert "larger than 1 MB" in _refusal(resolver, "secret://file/large")


def test_an_absolute_path_is_itself(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("s", "utf-8")
    assert _reveal(Resolver("/nowhere"), f"secret://file/{tmp_path}/p") == "s"


def test_each_secret_is_asked_for_once(tmp_path: Path) -> None:
    script = _script(tmp_path, "count", "import sys\nopen('asked', 'a').write('x')\nprint('s')\n")
    resolver = Resolver(str(tmp_path), {"count": (str(script),)})
    threads = [threading.Thread(target=_reveal, args=(resolver, "secret://exec/count")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _reveal(resolver, "secret://exec/count") == "s"
    assert (tmp_path / "asked").read_text() == "x"


def test_a_failure_is_not_remembered(tmp_path: Path) -> None:
    resolver = Resolver(str(tmp_path))
    assert "the file does not exist" in _refusal(resolver, "secret://file/p")
    (tmp_path / "p").write_text("s", "utf-8")
    assert _reveal(resolver, "secret://file/p") == "s"


def test_commands_get_their_arguments_as_they_are(tmp_path: Path) -> None:
    echo = _script(tmp_path, "echo", "import sys\nprint('|'.join(sys.argv[1:]))\n")
    resolver = Resolver(str(tmp_path), {"vault": (str(echo), "get", "$(id)")})
    assert _reveal(resolver, "secret://exec/vault") == "get|$(id)"
    assert _reveal(resolver, "secret://exec/vault/kv/db; rm -rf x") == "get|$(id)|kv/db; rm -rf x"


def test_a_program_of_the_folder(tmp_path: Path) -> None:
    _script(tmp_path, "give", "print('s')\n")
    assert _reveal(Resolver(str(tmp_path)), "secret://exec/give") == "s"


def test_commands_that_fail_say_nothing_of_what_they_wrote(tmp_path: Path) -> None:
    talk = f"import sys\nprint('{CANARY}')\nprint('{CANARY}', file=sys.stderr)\nsys.exit(3)\n"
    resolver = Resolver(str(tmp_path), {"fail": (str(_script(tmp_path, "fail", talk)),), "none": ("/no/such/program",)})
    assert _refusal(resolver, "secret://exec/fail") == "fail ended with exit code 3; run it yourself to see why"
    assert _refusal(resolver, "secret://exec/none") == "program cannot be started: no such file or directory"
    assert "the command does not exist" in _refusal(resolver, "secret://exec/other")
    assert "the command does not exist" in _refusal(resolver, "secret://exec/../../bin/no-such-thing")


@pytest.mark.skipif(os.name != "posix", reason="process groups are a POSIX matter")
def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """The child holds a pipe that the test reads: its end is that of the last who held it."""
    os.mkfifo(tmp_path / "held")
    reading = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    hang = (
        f"import os, subprocess, time\nheld = os.open({str(tmp_path / 'held')!r}, os.O_WRONLY)\n"
        "os.set_inheritable(held, True)\nsubprocess.Popen(['sleep', '60'], close_fds=False)\ntime.sleep(60)\n"
    )
    resolver = Resolver(str(tmp_path), {"hang": (str(_script(tmp_path, "hang", hang)),)}, deadline=0.5)
    assert _refusal(resolver, "secret://exec/hang") == "hang did not end within 0.5 seconds"
    try:
        assert select.select([reading], [], [], 20.0)[0], "a child is still there"
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)


@pytest.mark.skipif(os.name != "posix", reason="process groups are a POSIX matter")
def test_a_child_that_keeps_the_pipe_open_is_ended(tmp_path: Path) -> None:
    leave = "import subprocess\nprint('s', flush=True)\nsubprocess.Popen(['sleep', '60'])\n"
    resolver = Resolver(str(tmp_path), {"leave": (str(_script(tmp_path, "leave", leave)),)}, deadline=0.5)
    assert _refusal(resolver, "secret://exec/leave") == "leave did not end within 0.5 seconds"


def test_keyring_is_asked_for_service_and_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = ModuleType("keyring")

    def get_password(service: str, user: str) -> str | None:
        if service == "broken":
            raise RuntimeError(CANARY)
        return "s" if (service, user) == ("vbo/main", "admin") else None

    vars(fake)["get_password"] = get_password
    monkeypatch.setitem(sys.modules, "keyring", fake)
    resolver = Resolver(str(tmp_path))
    assert _reveal(resolver, "secret://keyring/vbo/main/admin") == "s"
    assert "keyring set vbo root" in _refusal(resolver, "secret://keyring/vbo/root")
    assert _refusal(resolver, "secret://keyring/broken/x") == "the keyring cannot be asked (RuntimeError)"
    assert "secret://keyring/SERVICE/USER" in _refusal(resolver, "secret://keyring/admin")


def test_keyring_need_not_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretError, match="the package keyring is not installed") as caught:
        _reveal(Resolver(str(tmp_path)), "secret://keyring/vbo/admin")
    assert caught.value.hint == f"Install it:\n  {install_command('keyring')}"


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    assert "none of env, exec, file, keyring" in _refusal(Resolver(str(tmp_path)), "secret://vault/x")


def test_values_do_not_show(tmp_path: Path) -> None:
    resolver = Resolver(str(tmp_path), environment={"P": CANARY})
    secret = resolver.resolve(SecretRef("env", "P"))
    assert CANARY not in f"{resolver!r} {secret!r} {secret}"


def test_commands_of_an_inventory(tmp_path: Path) -> None:
    _script(tmp_path, "give", "import sys\nprint(sys.argv[1:])\n")
    inventory = load_text(tmp_path, "secrets: {exec: {give: [./give, a]}}\n")
    assert inventory.access.commands == {"give": ("./give", "a")}
    assert _reveal(Resolver(inventory.access.root, inventory.access.commands), "secret://exec/give/b") == "['a', 'b']"


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_what_a_command_may_print(tmp_path: Path, more: int, fits: bool) -> None:
    script = _script(tmp_path, "long", f"import sys\nsys.stdout.write('s' * ({MAX_OUTPUT} + {more}))\n")
    resolver = Resolver(str(tmp_path), {"long": (str(script),)})
    if fits:
        assert len(_reveal(resolver, "secret://exec/long")) == MAX_OUTPUT
    else:
        assert _refusal(resolver, "secret://exec/long") == "long printed more than 1 MB, which no secret is"


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfs\r\n", b"\xff\xfes\x00\r\x00\n\x00", b"\xfe\xff\x00s\x00\n"],
    ids=["UTF-8 with a mark", "UTF-16, as PowerShell writes it", "UTF-16 the other way"],
)
def test_a_mark_of_the_encoding_is_not_a_part_of_the_secret(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    assert _reveal(Resolver(str(tmp_path)), "secret://file/p") == "s"


def test_a_secret_in_the_environment_is_read_as_one_in_a_file() -> None:
    values = {"LINE": "s\n", "MARK": "\ufeffs", "BROKEN": "s\udcff"}
    resolver = Resolver("/nowhere", environment=values)
    assert [_reveal(resolver, f"secret://env/{name}") for name in ("LINE", "MARK")] == ["s", "s"]
    assert _refusal(resolver, "secret://env/BROKEN") == "the secret is not UTF-8 text"


def test_a_secret_holds_no_nul(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"a\0b")
    assert "NUL" in _refusal(Resolver(str(tmp_path)), "secret://file/p")
