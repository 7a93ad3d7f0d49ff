"""The twins of `playbooks/windows/upload.ps1` and `package-*.ps1`: files in a folder of the host, and its installer."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.lab.hosts.windows import machine
from reconciler.lab.hosts.windows.twins import Arguments, ScriptError, Twin, World
from reconciler.model.version import build_number

_REFUSED: Final = 1603
_NAME: Final = re.compile(r"^[0-9a-f]{64}(\.[a-z0-9]{1,8})?$")
_STORE: Final = "C:\\ProgramData\\vbo-reconcile\\packages"


def upload(world: World, args: Arguments) -> dict[str, Any]:
    if not _NAME.match(str(args["name"])):
        raise ScriptError("The argument name is not the digest of a file.")
    file = world.files / str(args["name"])
    part = world.files / f"{args['name']}.part"
    answer = {"there": False, "path": f"{_STORE}\\{file.name}", "size": 0, "sha256": ""}
    step = args["step"]
    if step == "look":
        world.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        answer |= {"there": _digest(file) == args["sha256"], "size": _size(part)}
    elif step == "piece":
        if _size(part) != args["offset"]:
            raise ScriptError(f"There are {_size(part)} bytes of the file, and these follow {args['offset']}.")
        if args["offset"] and "upload" in world.state["faults"]:
            raise ScriptError("There is not enough space on the disk: uploads are cut by `lab set`.")
        with part.open("ab") as stream:
            stream.write(base64.b64decode(args["data"]))
        answer["size"] = _size(part)
    elif step == "finish":
        found = _digest(part)
        answer |= {"sha256": found, "there": found == args["sha256"]}
        if answer["there"]:
            part.replace(file)
        else:
            part.unlink()
    elif step == "remove":
        file.unlink(missing_ok=True)
        part.unlink(missing_ok=True)
    else:
        raise ScriptError("The argument step is not known.")
    return answer


def stage(world: World, args: Arguments) -> dict[str, Any]:
    found = _digest(world.files / f"{args['sha256']}.{args['kind']}")
    if args["upload"] and found != args["sha256"]:
        raise ScriptError(
            f"The SHA-256 of what arrived is {found}, and {args['sha256']} is declared: nothing was installed."
        )
    return {"staged": found == args["sha256"]}


def registered(world: World, args: Arguments) -> dict[str, Any]:
    del args
    (world.files / "unregistered").unlink(missing_ok=True)
    return {"registered": True}


def install(world: World, args: Arguments) -> dict[str, Any]:
    package = world.files / f"{args['sha256']}.msi"
    if not package.is_file():
        raise ScriptError("The package is not on the host: it was not sent.")
    attempt, marker = world.files / "attempt", world.files / "unregistered"
    before = _before(world, args, attempt)
    have, wanted = before["version"], str(args["version"])
    _check(world, args, have, ours=marker.exists() or attempt.exists())
    attempt.write_text(json.dumps(before), encoding="utf-8")
    if args["fresh"] and not have:
        marker.touch()
    code = _installer(world, "/i", package, wanted)
    problem = ""
    if code:
        problem = f"the package was not installed: the installer ended with {code}"
    elif not machine.is_running(world.state):
        problem = f"the service of {_version(world)} does not start"
    elif _version(world) != wanted:
        problem = f"the host says that it has {_version(world)}"
    if not problem:
        _keep(world, package, wanted)
        attempt.unlink()
        return {"ok": True, "version": wanted, "before": have, "restart": False}
    log = _log(world, code)
    answer = {"ok": False, "problem": problem, "log": log, **_restore(world, before, package, code)}
    if answer["state"] == "missing":
        marker.unlink(missing_ok=True)
    if answer["restored"]:
        attempt.unlink()
    return answer


def _check(world: World, args: Arguments, have: str, *, ours: bool) -> None:
    if args["fresh"] and not ours and world.state["proxy"]:
        raise ScriptError("Another installation added a proxy service to the host after the plan was made.")
    if build_number(have) > build_number(args["version"]):
        raise ScriptError(f"{have} is installed and newer than {args['version']}: downgrades are not supported.")


def _log(world: World, code: int) -> list[str]:
    if code:
        return [f"MSI (s): Product: Proxy -- Installation failed. Error status: {code}."]
    return [f"Proxy service {_version(world)}: the configuration database cannot be opened."]


def _before(world: World, args: Arguments, attempt: Path) -> dict[str, str]:
    if attempt.exists() and attempt.stat().st_size:
        noted: dict[str, str] = json.loads(attempt.read_text(encoding="utf-8"))
        return noted
    current, version = world.files / "current", _version(world)
    if version == args["version"]:
        return {"version": version, "file": f"{args['sha256']}.msi"}
    kept = json.loads(current.read_text(encoding="utf-8")) if current.exists() else {}
    usable = version and kept.get("version") == version and (world.files / kept["file"]).exists()
    return {"version": version, "file": kept["file"] if usable else ""}


def _restore(world: World, before: Mapping[str, str], package: Path, code: int) -> dict[str, Any]:
    have, was = _version(world), before["version"]
    if code and have == was and (not have or machine.is_running(world.state)):
        outcome = f"{have} is on the host as before and runs" if have else "nothing is on the host, as before"
        return {"restored": True, "state": "running" if have else "missing", "back": outcome}
    _installer(world, "/x", package, "")
    if before["file"]:
        again = _installer(world, "/i", world.files / before["file"], was)
        if _version(world) == was and machine.is_running(world.state):
            return {"restored": True, "state": "running", "back": f"{was} was put back and runs"}
        outcome = f"{was} could not be put back: the installer ended with {again}"
        return {"restored": False, "state": "stopped", "back": outcome}
    outcome = "the package was removed, since there was none before"
    if was:
        outcome = f"the package was removed: {was} was there before, and its package is not on the host"
    return {"restored": True, "state": "missing", "back": outcome}


def _installer(world: World, verb: str, package: Path, believed: str) -> int:
    """msiexec. A package of the lab says what it holds; a real one is not opened, and is believed to hold `believed`.
    The configuration of a service that was in use stays when its package is removed."""
    state = world.state
    if verb == "/x":
        if state["proxy"] and state["proxy"]["owner"]:
            state["configuration"] = dict(state["proxy"])
        state["proxy"] = None
        return 0
    words = package.read_bytes()[:200].split()
    ours = words[:1] == [b"lab-package"]
    if ours and words[3:4] == [b"refused"]:
        return _REFUSED
    version = words[2].decode("ascii") if ours else believed
    runs = "stopped" if version == state.get("bad_build") else "running"
    was = state["proxy"] or state.pop("configuration", None) or machine.UNUSED
    state["proxy"] = {**was, "version": version, "start": "automatic", "state": runs}
    return 0


def _keep(world: World, package: Path, version: str) -> None:
    noted = json.dumps({"version": version, "file": package.name})
    (world.files / "current").write_text(noted, encoding="utf-8")
    for other in world.files.glob("*.msi"):
        if other != package:
            other.unlink()


def _version(world: World) -> str:
    proxy = world.state["proxy"]
    return str(proxy["version"]) if proxy else ""


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


TWINS: Final[Mapping[str, Twin]] = {
    "windows/package-install.ps1": install,
    "windows/package-registered.ps1": registered,
    "windows/package-stage.ps1": stage,
    "windows/upload.ps1": upload,
}
