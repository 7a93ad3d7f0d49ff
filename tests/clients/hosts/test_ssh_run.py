"""Running scripts over SSH: what is sent where, what counts as an answer, and when it ends."""

from __future__ import annotations

from typing import Any

import asyncssh
import pytest

from reconciler.clients.host_session import open_host
from reconciler.clients.ssh import exec as ssh_exec
from reconciler.clients.ssh import posix_shell
from reconciler.model.connection import Credential
from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    RemoteError,
    ScriptFailed,
)
from reconciler.model.script import Script
from reconciler.model.secret import MASK, Secret, SecretRef
from tests.clients.hosts.conftest import PASSWORD, Connect
from tests.clients.hosts.secrets import context
from tests.clients.hosts.sshd import Sshd
from tests.programs import program

ECHO = Script(
    "linux/echo.sh",
    """set -eu
printf '{"text":"'
printf %s "$arg_text" | od -An -v -tx1 | tr -d ' \\n'
printf '"}\\n'
""",
)
COUNT = Script("linux/count.sh", 'printf \'{"left":%s}\\n\' "$(wc -c)"\n')
ASKS = 'while [ "$1" != -- ]; do [ "$1" != -p ] || prompt=$2; shift; done; shift; printf "$prompt" >&2; '
"""What a sudo begins with that asks for a password; printf prints one % for two, as sudo does."""
SUDO = Credential("linux", "backup", password=SecretRef("test", PASSWORD), sudo=True)


def run(connect: Connect, text: str, params: dict[str, Any] | None = None, **changes: Any) -> Any:
    with open_host(connect(**changes), context()) as host:
        return host.execute(Script("linux/case.sh", text), params or {}, deadline=20)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_parameters_arrive_byte_for_byte(sshd: Sshd, connect: Connect, shell: str) -> None:
    found = program(shell)
    sshd.stub("sh", f'exec {found} {"sh" if shell == "busybox" else ""} "$@"')
    texts = [
        "",
        "plain",
        'it\'s "$HOME" `id` \\0141 %s\\n',
        "two\nlines\n\n",
        "\t \x01\x7f *",
        "äöü ✓",
        "-n",
        "x=$(date)",
    ]
    with open_host(connect(), context()) as host:
        answers = [host.execute(ECHO, {"text": text}, deadline=20)["text"] for text in texts]
    assert [bytes.fromhex(answer).decode() for answer in answers] == texts


def test_parameters_of_every_kind_become_text(connect: Connect) -> None:
    text = 'printf \'["%s","%s","%s","%s"]\' "$arg_number" "$arg_flag" "$arg_nothing" "${arg_list%%[!a-z]*}"'
    assert run(connect, text, {"number": 9193, "flag": True, "nothing": None, "list": ["a", "b"]}) == [
        "9193",
        "true",
        "",
        "a",
    ]


@pytest.mark.parametrize("params", [{"map": {"a": 1}}, {"Bad Name": 1}, {"x;id": 1}, {"nul": "\0"}])
def test_parameters_that_a_shell_cannot_hold_are_a_bug_of_ours(connect: Connect, params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="shell script"):
        run(connect, "echo 1", params)


def test_one_connection_serves_all_scripts_and_command_lines_never_differ(sshd: Sshd, connect: Connect) -> None:
    with open_host(connect(), context()) as host:
        for secret in ("first-secret", "second-secret"):
            host.execute(ECHO, {"text": Secret(secret)}, deadline=20)
            host.execute(COUNT, {}, deadline=5)
    assert sshd.connections == 1
    assert set(sshd.commands) == {posix_shell.COMMAND}
    assert "'" not in posix_shell.COMMAND.replace("sh -c '", "").replace("' vbo-reconcile '", "").removesuffix("'")


def test_a_script_finds_its_standard_input_empty(connect: Connect) -> None:
    assert run(connect, COUNT.text) == {"left": 0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo nope", "nope"),
        ("true", "printed nothing"),
        ("echo '{}'; echo '{}'", "{} {}"),
        ("printf '{\"a\":'", '{"a":'),
    ],
)
def test_only_one_json_document_is_an_answer(connect: Connect, text: str, said: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        run(connect, text)
    assert said in caught.value.reason


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ('echo \'{"type":"t","message":"No space left.","at":""}\' >&2; exit 70', 70, "No space left."),
        ("echo first >&2; echo last >&2; exit 3", 3, "first last"),
        ("exit 9", 9, "it ended with exit code 9"),
        ("set -eu; nonsuch-command", 127, "nonsuch-command"),
    ],
)
def test_a_script_that_fails_is_quoted(connect: Connect, text: str, code: int, reason: str) -> None:
    with pytest.raises(ScriptFailed) as caught:
        run(connect, text)
    assert caught.value.exit_code == code
    assert reason in caught.value.reason
    assert posix_shell.STARTED not in caught.value.reason


def test_secrets_are_masked_in_what_comes_back(connect: Connect) -> None:
    secret = 'p"ss\\w0rd-é'
    for text in ('echo "no: $arg_key" >&2; exit 1', 'echo "$arg_key"', 'printf "%s\\n" "${arg_key}" >&2; exit 70'):
        with pytest.raises((ScriptFailed, BadAnswer)) as caught:
            run(connect, text, {"key": Secret(secret)})
        assert MASK in str(caught.value)
        assert secret not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.hint}"


def test_a_deadline_ends_the_call_and_leaves_the_session_usable(connect: Connect) -> None:
    with open_host(connect(), context()) as host:
        with pytest.raises(DeadlineExceeded) as caught:
            host.execute(Script("linux/slow.sh", "sleep 30"), {}, deadline=0.3)
        assert "0.3 s" in caught.value.reason
        assert host.execute(COUNT, {}, deadline=20) == {"left": 0}


def test_the_host_ends_the_script_by_itself_too(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("timeout", 'shift; [ "$1" = 5 ] && [ "$2" = 21 ] || exit 1; shift 2; "$@"; exit 124')
    with pytest.raises(DeadlineExceeded):
        run(connect, "true")


def test_too_much_output_is_refused(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_exec, "OUTPUT_LIMIT", 200_000)
    for where in ("1", "2"):
        with pytest.raises(BadAnswer, match="it printed more than"):
            run(connect, f"head -c 400000 /dev/zero >&{where}; echo 1")


def test_noise_on_standard_error_does_not_hurt(connect: Connect) -> None:
    assert run(connect, "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo '[1]'") == [1]


def test_a_connection_that_breaks_while_the_script_runs(sshd: Sshd, connect: Connect) -> None:
    sshd.hang_up = True
    with pytest.raises(ConnectionLost) as caught:
        run(connect, "echo 1")
    assert not caught.value.nothing_sent


def test_a_login_shell_that_is_none(sshd: Sshd, connect: Connect) -> None:
    sshd.shell = "/bin/false"
    with pytest.raises(BadAnswer, match="no shell"):
        run(connect, "echo 1")


def test_sudo_is_given_its_password_on_standard_input(sshd: Sshd, connect: Connect) -> None:
    check = f'IFS= read -r word; [ "$word" = "{PASSWORD}" ] || exit 1; '
    sshd.stub("sudo", ASKS + check + 'AS=root exec "$@"')
    assert run(connect, 'echo "\\"$AS $(wc -c)\\""', credential=SUDO) == "root 0"
    assert sshd.commands == [posix_shell.SUDO_PASSWORD_COMMAND]


FRAMED = ASKS.replace('printf "$prompt"', 'printf "[sudo: $prompt] Password: "')
"""sudo-rs 0.2.5 of Debian 13, where it stands in the place of sudo."""
REFUSING_RS = """while IFS= read -r word; do
  echo "$word" >>"$HOME/tried"
  echo 'sudo: Authentication failed, try again.' >&2
  printf "[sudo: $prompt] Password: " >&2
done
echo 'sudo-rs: Maximum 3 incorrect authentication attempts' >&2
exit 1
"""


def test_sudo_rs_is_given_its_password(sshd: Sshd, connect: Connect) -> None:
    check = f'IFS= read -r word; [ "$word" = "{PASSWORD}" ] || exit 1; '
    sshd.stub("sudo", FRAMED + check + 'AS=root exec "$@"')
    assert run(connect, 'echo "\\"$AS $(wc -c)\\""', credential=SUDO) == "root 0"


def test_what_sudo_rs_says_of_a_wrong_password_is_passed_on(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("sudo", FRAMED + "\n" + REFUSING_RS)
    with pytest.raises(AuthenticationFailed) as caught:
        run(connect, "echo 1", credential=SUDO)
    said = "sudo: Authentication failed, try again. sudo-rs: Maximum 3 incorrect authentication attempts"
    assert " ".join(caught.value.reason.split()) == said
    assert (sshd.folder / "tried").read_text() == f"{PASSWORD}\n"


def test_a_password_that_sudo_did_not_ask_for_goes_nowhere(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("sudo", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    assert run(connect, 'echo "[\\"$(set | grep -c corr3ct)\\", $(wc -c)]"', credential=SUDO) == ["0", 0]


def test_sudo_without_a_password(sshd: Sshd, connect: Connect) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    sshd.keys["backup"] = [key.export_public_key().decode()]
    sshd.stub("sudo", '[ "$1" = -n ] || exit 1; shift 2; AS=root exec "$@"')
    login = Credential("linux", "backup", private_key=SecretRef("test", key.export_private_key().decode()), sudo=True)
    assert run(connect, 'echo "\\"$AS\\""', credential=login) == "root"
    assert sshd.commands == [posix_shell.SUDO_COMMAND]


def test_a_sudo_that_wants_a_terminal_gets_one(sshd: Sshd, connect: Connect) -> None:
    refuse = '[ -n "$TERM" ] || { echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1; }; '
    check = f'IFS= read -r word; [ "$word" = "{PASSWORD}" ] || exit 1; '
    sshd.stub("sudo", refuse + ASKS + check + 'AS=root exec "$@"')
    with open_host(connect(credential=SUDO), context()) as host:
        for text in ("first\nline", "é" * 5000):
            script = Script("linux/case.sh", ECHO.text + "echo noise >&2\n")
            assert bytes.fromhex(host.execute(script, {"text": text}, deadline=20)["text"]).decode() == text
        with pytest.raises(ScriptFailed) as caught:
            host.execute(
                Script("linux/no.sh", 'echo "no: $arg_key" >&2; exit 9'), {"key": Secret("s3cret")}, deadline=20
            )
    assert (caught.value.exit_code, caught.value.reason) == (9, f"no: {MASK}")
    assert sshd.commands == [posix_shell.SUDO_PASSWORD_COMMAND, *[posix_shell.SUDO_PASSWORD_COMMAND_ON_TERMINAL] * 3]
    assert sshd.connections == 1


def test_a_script_that_speaks_of_terminals_is_run_once(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("sudo", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    with pytest.raises(ScriptFailed, match="must have a tty"):
        run(connect, "echo you must have a tty >&2; exit 1", credential=SUDO)
    assert len(sshd.commands) == 1


def test_a_refusal_of_sudo_is_no_failure_of_the_script(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("sudo", "echo 'sudo: 1 incorrect password attempt' >&2; exit 1")
    with pytest.raises(AuthenticationFailed) as caught:
        run(connect, "echo 1", credential=SUDO)
    assert "incorrect password" in caught.value.reason
    assert "sudo rights" in caught.value.hint


REFUSING = """tries=0
while IFS= read -r word; do
  echo "$word" >>"$HOME/tried"
  tries=$((tries + 1))
  [ $tries -lt 3 ] || break
  echo 'Sorry, try again.' >&2
  printf "$prompt" >&2
done
echo "sudo: $tries incorrect password attempt" >&2
exit 1
"""


@pytest.mark.parametrize("terminal", [False, True])
def test_a_wrong_password_counts_once(sshd: Sshd, connect: Connect, terminal: bool) -> None:
    refuse = '[ -n "$TERM" ] || { echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1; }; '
    sshd.stub("sudo", (refuse if terminal else "") + ASKS + "\n" + REFUSING)
    with pytest.raises(AuthenticationFailed) as caught:
        run(connect, "echo 1", {"word": "a parameter"}, credential=SUDO)
    assert "1 incorrect password attempt" in caught.value.reason
    assert "@vbo-reconcile" not in caught.value.reason
    assert (sshd.folder / "tried").read_text() == f"{PASSWORD}\n"


def test_a_password_that_sudo_refuses_is_not_tried_on_other_hosts(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("sudo", ASKS + "\n" + REFUSING)
    known = context()
    for number in range(3):
        with (
            pytest.raises(AuthenticationFailed),
            open_host(connect(name=f"px-{number}", credential=SUDO), known) as host,
        ):
            host.execute(Script("linux/case.sh", "echo 1"), {}, deadline=20)
    assert (sshd.folder / "tried").read_text() == f"{PASSWORD}\n"


ROOT = "r00t of px"
SU = Credential("linux", "backup", password=SecretRef("test", PASSWORD), su=True, root_password=SecretRef("test", ROOT))
SU_STARTS = 'while [ "$1" != root ]; do [ "$1" != -c ] || command=$2; shift; done; shift; '
SU_ASKS = 'printf \'Password: \' >&2; IFS= read -r word; echo "$word" >>"$HOME/tried"; '
SU_REFUSES = "echo 'su: Authentication failure' >&2; exit 1"
SU_RUNS = 'AS=root exec sh -c "$command" "$@"'


def test_su_is_given_the_password_of_root(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("su", SU_STARTS + SU_ASKS + SU_RUNS)
    with open_host(connect(credential=SU), context()) as host:
        for text in ("", "two\nlines", "é✓" * 5000):
            answer = host.execute(ECHO, {"text": text}, deadline=20)
            assert bytes.fromhex(answer["text"]).decode() == text
        assert host.execute(Script("linux/case.sh", 'echo "\\"$AS $(wc -c)\\""'), {}, deadline=20) == "root 0"
    assert (sshd.folder / "tried").read_text() == f"{ROOT}\n" * 4
    assert sshd.commands == [posix_shell.SU_COMMAND] * 4


def test_a_password_that_su_did_not_ask_for_goes_nowhere(sshd: Sshd, connect: Connect) -> None:
    """An account that is root already is not asked."""
    sshd.stub("su", SU_STARTS + SU_RUNS)
    assert run(connect, 'echo "[\\"$(set | grep -c r00t)\\", $(wc -c)]"', credential=SU) == ["0", 0]


def test_what_su_prints_is_masked(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("su", SU_STARTS + SU_ASKS + SU_RUNS)
    with pytest.raises(ScriptFailed) as caught:
        run(connect, f"echo {ROOT} >&2; exit 9", credential=SU)
    assert caught.value.reason == MASK


@pytest.mark.parametrize("again", [False, True])
def test_a_password_that_su_refuses_is_not_tried_on_other_hosts(sshd: Sshd, connect: Connect, *, again: bool) -> None:
    """It is asked for once, and whatever asks again gets nothing."""
    sshd.stub("su", SU_STARTS + SU_ASKS + (SU_ASKS if again else "") + SU_REFUSES)
    known = context()
    for number in range(3):
        with (
            pytest.raises(AuthenticationFailed) as caught,
            open_host(connect(name=f"px-{number}", credential=SU), known) as host,
        ):
            host.execute(ECHO, {"text": "a parameter"}, deadline=20)
        assert caught.value.what == "becoming root with su"
        expected = "px-0 (px-lnx-1.example.net) did not accept root with" if number else "su: Authentication failure"
        assert expected in caught.value.reason
        assert "@vbo-reconcile" not in caught.value.reason
    tried = (sshd.folder / "tried").read_text().split("\n")
    assert [word for word in tried if word] == [ROOT]


def test_a_user_who_may_not_use_su_says_nothing_about_the_password(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("su", SU_STARTS + SU_ASKS + "echo 'su: Permission denied' >&2; exit 1")
    known = context()
    for number in range(2):
        with (
            pytest.raises(AuthenticationFailed, match="Permission denied") as caught,
            open_host(connect(name=f"px-{number}", credential=SU), known) as host,
        ):
            host.execute(ECHO, {"text": ""}, deadline=20)
        assert "pam_wheel" in caught.value.hint
    assert (sshd.folder / "tried").read_text() == f"{ROOT}\n" * 2


@pytest.mark.parametrize("first", ["Verification code: ", "Last login: today\nPassword: ", "Password for ssh key: "])
def test_a_question_that_is_not_that_of_su_is_not_answered(sshd: Sshd, connect: Connect, first: str) -> None:
    taken = sshd.folder / "taken"
    sshd.stub("su", f"printf '{first}' >&2; cat >>{taken}; exit 1")
    with open_host(connect(credential=SU), context()) as host, pytest.raises(BadAnswer) as caught:
        host.execute(ECHO, {"text": ""}, deadline=1)
    assert "no shell announced itself" in caught.value.reason
    assert "su with `Password:`" in caught.value.hint
    assert not taken.exists() or taken.read_text() == ""


def test_a_login_shell_that_asks_for_a_password_gets_none(sshd: Sshd, connect: Connect) -> None:
    taken = sshd.folder / "taken"
    sshd.stub("other", f"echo \"$2\" >&2; printf 'Password: ' >&2; cat >>{taken}")
    sshd.shell = str(sshd.folder / "other")
    with open_host(connect(credential=SU), context()) as host, pytest.raises(BadAnswer, match="no shell announced"):
        host.execute(ECHO, {"text": ""}, deadline=1)
    assert not taken.exists() or taken.read_text() == ""


def test_a_wrong_password_for_a_sudo_that_asks_once_counts(sshd: Sshd, connect: Connect) -> None:
    """passwd_tries=1 in sudoers."""
    once = 'IFS= read -r word; echo "$word" >>"$HOME/tried"; echo \'sudo: 1 incorrect password attempt\' >&2; exit 1'
    sshd.stub("sudo", ASKS + once)
    known = context()
    for number in range(2):
        with (
            pytest.raises(AuthenticationFailed),
            open_host(connect(name=f"px-{number}", credential=SUDO), known) as host,
        ):
            host.execute(ECHO, {"text": ""}, deadline=20)
    assert (sshd.folder / "tried").read_text() == f"{PASSWORD}\n"


def test_a_login_shell_that_becomes_another_program_is_sent_nothing(sshd: Sshd, connect: Connect) -> None:
    taken = sshd.folder / "taken"
    for name, text in {
        "other": f"cat >>{taken}",
        "repeats": f'echo "$2"; echo "$2" >&2; cat >>{taken}',
        "unknown": f'echo "$2: command not found" >&2; head -n 1 >>{taken}',
    }.items():
        sshd.stub(name, text)
        sshd.shell = str(sshd.folder / name)
        for credential in (SUDO, SU, None):
            changes = {"credential": credential} if credential else {}
            with open_host(connect(**changes), context()) as host, pytest.raises(BadAnswer) as caught:
                host.execute(Script("linux/case.sh", "echo 1"), {"key": Secret("s3cret")}, deadline=1)
            assert "no shell announced itself" in caught.value.reason
        assert not taken.exists() or taken.read_text() == ""


def test_a_login_shell_that_asks_is_quoted(sshd: Sshd, connect: Connect) -> None:
    sshd.stub("menu", "echo 1 status, 2 quit; cat >/dev/null")
    sshd.shell = str(sshd.folder / "menu")
    with open_host(connect(), context()) as host, pytest.raises(BadAnswer, match="it printed: 1 status, 2 quit"):
        host.execute(ECHO, {"text": ""}, deadline=1)


@pytest.mark.parametrize("credential", [SUDO, SU, None])
@pytest.mark.parametrize(
    ("said", "kind", "hint"),
    [
        ("This account is currently not available.", BadAnswer, "login shell"),
        ("Password change required: your password has expired.", AuthenticationFailed, "chage -l"),
    ],
)
def test_what_ends_before_sudo_and_su_is_not_theirs(
    sshd: Sshd, connect: Connect, credential: Credential | None, said: str, kind: type[RemoteError], hint: str
) -> None:
    sshd.stub("refuses", f"echo '{said}' >&2; exit 1")
    sshd.shell = str(sshd.folder / "refuses")
    changes = {"credential": credential} if credential else {}
    with open_host(connect(**changes), context()) as host, pytest.raises(RemoteError) as caught:
        host.execute(ECHO, {"text": ""}, deadline=20)
    assert (type(caught.value), caught.value.reason) == (kind, said)
    assert hint in caught.value.hint


def test_a_powershell_script_is_not_run_over_ssh(connect: Connect) -> None:
    with (
        open_host(connect(), context()) as host,
        pytest.raises(ValueError, match="cannot be run"),
    ):
        host.execute(Script("windows/facts.ps1", ""), {}, deadline=1)


NOISY = """#!/bin/sh
echo "Welcome to px-lnx-1 {"
echo "last login: yesterday" >&2
trap 'echo "{\\"bye\\": 1}"' EXIT
shift
sh -c "$1"
"""
"""A login shell with `echo` in .bashrc, and a trap that prints at its end."""


@pytest.mark.parametrize("case", ["plain", "sudo", "terminal"])
def test_a_login_shell_may_print(sshd: Sshd, connect: Connect, case: str) -> None:
    shell = sshd.folder / "noisy"
    shell.write_text(NOISY)
    shell.chmod(0o755)
    sshd.shell = str(shell)
    refuse = '[ -n "$TERM" ] || { echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1; }; '
    sshd.stub("sudo", (refuse if case == "terminal" else "") + ASKS + 'read -r word; exec "$@"')
    changes: dict[str, Any] = {} if case == "plain" else {"credential": SUDO}
    assert run(connect, "echo '{\"text\": 7}'", **changes) == {"text": 7}
    with pytest.raises(ScriptFailed) as caught:
        run(connect, "echo wrong >&2; exit 9", **changes)
    assert caught.value.exit_code == 9
    assert caught.value.reason.endswith("wrong")


def test_a_script_that_prints_more_than_its_document_is_not_understood(connect: Connect) -> None:
    with pytest.raises(BadAnswer, match="it printed 'noise 1' instead of one JSON document"):
        run(connect, "echo noise; echo 1")
