# Stages an installation package in the folder of package-install.sh after verifying its SHA-256.
# Arguments: arg_sha256, arg_kind (deb or rpm), arg_upload (the file that was sent; empty to ask whether it is needed).
# Only root can access the folder, so that no other account can replace a verified package. Idempotent.
set -eu
root=${VBO_RECONCILE_ROOT:-}
store=$root/var/lib/vbo-reconcile/packages
sha256=${arg_sha256:?} kind=${arg_kind:?} upload=${arg_upload?}
file=$store/$sha256.$kind

fail() {
    message=$(printf %s "$1" | tr '\n\t' '  ' | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')
    printf '{"type":"package","message":"%s","at":""}\n' "$message" >&2
    exit 70
}

# try COMMAND...: runs it; if it fails, its own message is the reason.
try() {
    said=$("$@" 2>&1) || fail "${said:-$1 failed}"
}

# digest FILE: sets $digest.
digest() {
    digest=$(sha256sum <"$1") || fail 'sha256sum is missing on the host'
    digest=${digest%% *}
}

case $sha256 in
*[!0-9a-f]* | '') fail 'the argument sha256 is not a digest' ;;
esac
case $kind in
deb | rpm) ;;
*) fail 'the argument kind is neither deb nor rpm' ;;
esac

staged=false
if [ -f "$file" ]; then
    digest "$file"
    if [ "$digest" = "$sha256" ]; then
        staged=true
    else
        rm -f "$file"
    fi
fi
if [ -n "$upload" ]; then
    if [ "$staged" = false ]; then
        try mkdir -p "$store"
        try chmod 700 "$root/var/lib/vbo-reconcile" "$store"
        said=$(cp "$upload" "$file.new" 2>&1) || {
            rm -f "$file.new" # a part of it, which is what fills the disk
            fail "${said:-cp failed}"
        }
        digest "$file.new"
        if [ "$digest" != "$sha256" ]; then
            rm -f "$file.new" "$upload"
            fail "the SHA-256 of what arrived is $digest, and $sha256 is declared: nothing was installed"
        fi
        try mv "$file.new" "$file"
        staged=true
    fi
    rm -f "$upload"
fi
printf '{"staged":%s}\n' "$staged"
