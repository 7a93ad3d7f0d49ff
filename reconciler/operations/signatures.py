"""Signatures of plan files: SSH signatures, made and verified by `ssh-keygen -Y` of OpenSSH 8.2 or later.

The signature of FILE is FILE.sig. Who may sign is in a file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from reconciler.model.diagnostic import Diagnosed, Diagnostic

NAMESPACE: Final = "plan@vbo-reconcile"
"""Keeps a signature of a plan from being one of a commit or a mail, and the other way round."""

_SECONDS: Final = 120.0
"""Time limit of one call; it includes the passphrase that a user may type."""

_KEPT: Final = frozenset({"PATH", "HOME", "SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "TERM"})
_KEPT_ON_WINDOWS: Final = frozenset({"SYSTEMROOT", "USERPROFILE", "TEMP", "TMP"})


def signature_file(plan: Path) -> Path:
    return plan.with_name(f"{plan.name}.sig")


def sign(content: bytes, key: Path) -> bytes:
    """The signature of `content` with a private key, or with the agent's key of a public one. Raises Diagnosed."""
    done = _call("sign", "-f", str(key), given=content)
    if done.returncode != 0 or not done.stdout:
        fix = "Give the file of an SSH key: the private one, or the public one of a key that your SSH agent holds."
        raise _failed("plan-not-signed", "The plan cannot be signed", f"{key}: {_reason(done)}", fix)
    return done.stdout


def verify(content: bytes, plan: Path, allowed_signers: Path) -> str:
    """Who signed `content`, which was read from the file `plan`: a principal of `allowed_signers`. Raises Diagnosed if
    it is not signed, or not by an allowed signer."""
    signature = signature_file(plan)
    if not signature.is_file():
        detail = f"{plan.name} has no signature: there is no {signature.name} beside it."
        raise _refused(detail)
    if not allowed_signers.is_file():
        raise _refused(f"The file of allowed signers, {allowed_signers}, does not exist.")
    names = ["-f", str(allowed_signers), "-s", str(signature)]
    found = _call("find-principals", *names)
    if found.returncode != 0:
        raise _refused(f"{signature.name} was not made by an allowed signer: {_reason(found)}")
    principals = found.stdout.decode("utf-8", "replace").splitlines()
    for principal in principals:
        done = _call("verify", *names, "-I", principal, given=content)
        if done.returncode == 0:
            return principal
    raise _refused(f"{signature.name} does not verify for {plan.name} and {' or '.join(principals)}.")


def _call(action: str, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Raises Diagnosed if ssh-keygen cannot be run."""
    kept = _KEPT | (_KEPT_ON_WINDOWS if os.name == "nt" else frozenset())
    environment = {name: value for name, value in os.environ.items() if name in kept}
    namespace = () if action == "find-principals" else ("-n", NAMESPACE)
    command = ["ssh-keygen", "-Y", action, *namespace, *arguments]
    try:
        return subprocess.run(
            command, input=given, capture_output=True, timeout=_SECONDS, env={**environment, "LC_ALL": "C"}, check=False
        )
    except FileNotFoundError as error:
        fix = "Install OpenSSH 8.2 or later (package openssh-client)."
        raise _failed("no-ssh-keygen", "ssh-keygen is not installed", "Signatures need ssh-keygen.", fix) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed("no-ssh-keygen", "ssh-keygen cannot be used", f"{error}.", "") from error


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    return lines[-1].rstrip(". \r") if lines else f"ssh-keygen ended with exit code {done.returncode}"


def _refused(detail: str) -> Diagnosed:
    fix = "Apply a plan that was saved with `--sign KEYFILE` by a signer that the file of allowed signers names."
    return _failed("plan-signature", "The plan is not signed by an allowed signer", detail, fix)


def _failed(code: str, summary: str, detail: str, fix: str) -> Diagnosed:
    return Diagnosed([Diagnostic(code, summary, detail, fix)])
