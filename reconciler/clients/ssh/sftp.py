"""Uploads files to POSIX hosts with SFTP over the open connection, and verifies them on the host.

Folder and names are constant, so that the next run reuses or overwrites what an interrupted one left. A file is a
`.part` until its SHA-256 is verified on the host.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import paramiko

from reconciler.clients.ssh.faults import CAUGHT, translate
from reconciler.clients.ssh.watchdog import hang_up, within
from reconciler.model.errors import DeadlineExceeded, Refused
from reconciler.model.script import Script

FOLDER: Final = ".vbo-reconcile"
"""In the home of the account: SFTP starts there, and a script finds it as $HOME."""

_CHUNK: Final = 32768

_BEGIN: Final = f"""set -eu
cd
fail() {{ printf '{{"type":"upload","message":"%s","at":""}}\\n' "$1" >&2; exit 70; }}
folder=$(pwd -P)/{FOLDER}
[ -d "$folder" ] || mkdir -m 700 -- "$folder"
owner() {{ stat -c %u -- "$1"; }}
[ ! -L "$folder" ] && [ "$(owner "$folder")" = "$(owner /proc/$$)" ] ||
  fail '{FOLDER} in its home is not a folder of this account'
chmod 700 -- "$folder"
file=$folder/$arg_name
digest() {{ sha256sum <"$1" | cut -d ' ' -f 1; }}
probe() {{
  said=$( (head -c 65536 /dev/zero >"$file.probe") 2>&1) || :
  rm -f -- "$file.probe"
  said=$(printf %s "$said" | tr -d '\\000-\\037\\177' | sed 's/[\\"]/\\&/g')
}}
"""
"""`probe` sets $said to what the host says if the folder takes no more: SFTP has one word, `Failure`, for a full disk,
a quota and most else."""
LOOK: Final = Script(
    "upload-look.sh",
    _BEGIN
    + """if [ -f "$file" ] && [ ! -L "$file" ] && [ "$(digest "$file")" = "$arg_sha256" ]; then
  printf '{"there":true,"path":"%s"}\\n' "$file"
else
  rm -f -- "$file" "$file.part"
  printf '{"there":false}\\n'
fi
""",
)
"""Whether the file is already there. One with this name and another SHA-256 is removed."""

FINISH: Final = Script(
    "upload-finish.sh",
    _BEGIN
    + """[ -f "$file.part" ] || fail 'SFTP did not put the file into the home of the account'
found=$(digest "$file.part")
if [ "$found" = "$arg_sha256" ]; then
  chmod 600 -- "$file.part"
  mv -f -- "$file.part" "$file"
else
  probe
  rm -f -- "$file.part"
fi
printf '{"sha256":"%s","path":"%s","said":"%s"}\\n' "$found" "$file" "${said:-}"
""",
)
"""Verifies the uploaded file, and gives it its final name."""

EXPLAIN: Final = Script("upload-explain.sh", _BEGIN + 'probe\nprintf \'{"said":"%s"}\\n\' "$said"\n')
"""Why the folder takes no more; `said` is empty if it does."""

REMOVE: Final = Script(
    "upload-remove.sh",
    _BEGIN
    + """rm -f -- "$file" "$file.part"
rmdir -- "$folder" 2>/dev/null || true
printf '{"removed":true}\\n'
""",
)


def put(transport: paramiko.Transport, source: BinaryIO, path: str, *, peer: str, what: str, seconds: float) -> None:
    """Send `source` to `path`, relative to the home of the account. Memory does not grow with the file.

    Raises RemoteError: DeadlineExceeded, ConnectionLost, Refused if sshd has no SFTP or rejects the file.
    """
    with within(seconds, lambda: hang_up(transport)) as watch:
        try:
            channel = transport.open_session()
            channel.invoke_subsystem("sftp")
            with paramiko.SFTPClient(channel) as client, client.open(path, "wb") as target:
                client.chmod(path, 0o600)
                target.set_pipelined(True)
                while data := source.read(_CHUNK):
                    target.write(data)
        except CAUGHT as error:
            if watch.is_late:
                raise DeadlineExceeded(peer, what, f"not done after {seconds:g} s") from error
            if transport.is_active():
                hint = "Does sshd_config have `Subsystem sftp internal-sftp`, and the home of the account enough space?"
                raise Refused(peer, what, f"SFTP: {error}", hint=hint) from error
            raise translate(error, peer, what, sent=True) from error
