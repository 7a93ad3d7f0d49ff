# Installs the proxy service from the package that package-stage.sh staged. Rolls back to the previous package if the
# service does not start or has another version. Everything runs on the host: a lost connection interrupts nothing.
# Arguments: arg_sha256, arg_kind (deb or rpm), arg_version (the build to install), arg_fresh (true if the host is
# expected to have no proxy service), arg_wait (timeout in seconds for the service to start).
# Prints {"ok", "version", "changed", ...}; if ok is false also what failed, the last log lines of the service, and what
# is installed now. Files in the folder survive a run that is interrupted:
#   attempt       version and package file before the installation in progress
#   current       the package file that is installed
#   unregistered  the host had no service before this one, and no server has registered it yet
set -eu
root=${VBO_RECONCILE_ROOT:-}
store=$root/var/lib/vbo-reconcile/packages
sha256=${arg_sha256:?} kind=${arg_kind:?} wanted=${arg_version:?} fresh=${arg_fresh:?} patience=${arg_wait:?}
file=$store/$sha256.$kind
unit=Veeam.Archiver.Proxy.service
steady_seconds=3
export DEBIAN_FRONTEND=noninteractive

fail() {
    quote "$1"
    printf '{"type":"package","message":%s,"at":""}\n' "$quoted" >&2
    exit 70
}

# quote TEXT: sets $quoted to TEXT as a JSON string on one line.
quote() {
    quoted=$(printf %s "$1" | tr '\n\t' '  ' | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')
    quoted="\"$quoted\""
}

# quote_lines TEXT: sets $listed to a JSON array of its lines that are not empty.
quote_lines() {
    listed=
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        quote "$line"
        listed="$listed${listed:+,}$quoted"
    done <<END
$1
END
    listed="[$listed]"
}

# plain VERSION: sets $plain to the version without epoch and revision.
plain() {
    plain=${1#*:}
    plain=${plain%%[!0-9.]*}
}

# newer A B: true if build A is higher than build B.
newer() {
    left=$1. right=$2.
    while [ -n "$left$right" ]; do
        one=${left%%.*} two=${right%%.*}
        left=${left#*.} right=${right#*.}
        [ "${one:-0}" -eq "${two:-0}" ] || {
            [ "${one:-0}" -gt "${two:-0}" ]
            return
        }
    done
    return 1
}

# name_of FILE, version_of FILE: the name and version in a package file.
name_of() {
    case $1 in
    *.deb) dpkg-deb -f "$1" Package ;;
    *) rpm -qp --qf '%{NAME}' "$1" ;;
    esac
}

version_of() {
    case $1 in
    *.deb) dpkg-deb -f "$1" Version ;;
    *) rpm -qp --qf '%{VERSION}' "$1" 2>/dev/null ;;
    esac
}

# Sets $plain to the version of the installed package; empty if it is not, or not completely, installed.
ask_installed() {
    if [ "$kind" = deb ]; then
        shown=$(dpkg-query -W -f '${Status}|${Version}' "$name" 2>/dev/null) || shown=
        case $shown in
        'install ok installed|'* | 'hold ok installed|'*) shown=${shown#*|} ;;
        *) shown= ;;
        esac
    else
        shown=$(rpm -q --qf '%{VERSION}' "$name" 2>/dev/null) || shown=
    fi
    plain "$shown"
}

put() {
    case $1 in
    *.deb) dpkg --force-confdef --force-confold -i "$1" ;;
    *) rpm -U --oldpackage --replacepkgs "$1" ;;
    esac
}

# reason OUTPUT: prints what an installer says of its failure: six lines from its first error on, else its last lines.
# dpkg ends with a list of packages, which says nothing of why.
reason() {
    errors='' many=0
    while IFS= read -r line && [ "$many" -lt 6 ]; do
        case $line in
        '') ;;
        'Errors were'*) break ;;
        'dpkg: '* | 'dpkg-deb: '* | 'error: '*) many=$((many + 1)) errors="$errors $line" ;;
        *) [ -z "$errors" ] || many=$((many + 1)) errors="$errors $line" ;;
        esac
    done <<END
$1
END
    [ -n "$errors" ] || errors=$(printf '%s\n' "$1" | tail -n 3)
    printf '%s\n' "${errors# }"
}

take_away() {
    if [ "$kind" = deb ]; then dpkg -r "$name"; else rpm -e "$name"; fi
}

# Starts the service, and waits until it has run for a while: one that exits immediately is active for a moment too.
come_up() {
    systemctl daemon-reload >/dev/null 2>&1 || :
    systemctl enable "$unit" >/dev/null 2>&1 || :
    systemctl restart "$unit" >/dev/null 2>&1 || return 1
    waited=0 steady=0
    while [ "$waited" -lt "$patience" ]; do
        case $(systemctl is-active "$unit" 2>/dev/null) in
        active) steady=$((steady + 1)) ;;
        failed) return 1 ;;
        *) steady=0 ;;
        esac
        [ "$steady" -le "$steady_seconds" ] || return 0
        sleep 1
        waited=$((waited + 1))
    done
    return 1
}

is_there() {
    case $(systemctl show --property=LoadState "$unit" 2>/dev/null) in
    *LoadState=not-found* | '') return 1 ;;
    esac
}

# Sets $had and $had_file: the version before this installation, and its package file if it is here.
remember() {
    had='' had_file=''
    if [ -s "$store/attempt" ]; then
        { read -r had && read -r had_file; } <"$store/attempt" || :
        return 0
    fi
    ask_installed
    had=$plain
    [ -n "$had" ] || return 0
    if [ "$had" = "$wanted" ]; then
        had_file=$file
        return 0
    fi
    kept=
    [ ! -f "$store/current" ] || read -r kept <"$store/current"
    for found in "$store/$kept" "$root/var/cache/apt/archives/${name}_${had}_"*.deb; do
        if [ -f "$found" ] && plain "$(version_of "$found")" && [ "$plain" = "$had" ]; then
            had_file=$found
            return 0
        fi
    done
}

# True if the host is unchanged: an installer that is busy, or that rejects a package, changes nothing.
is_untouched() {
    ask_installed
    [ "$plain" = "$had" ] || return 1
    if [ -n "$had" ]; then
        systemctl is-active "$unit" >/dev/null 2>&1
    elif is_there; then
        return 1
    fi
}

# The state of the host after a failure: sets $back (a sentence), $state and $restored.
roll_back() {
    restored=false state=stopped
    if is_untouched; then
        restored=true state=running back="$had is on the host as before and runs"
        [ -n "$had" ] || state=missing back='nothing is on the host, as before'
    elif [ -n "$had_file" ]; then
        said=$(put "$had_file" 2>&1) || :
        ask_installed
        if [ "$plain" = "$had" ] && come_up; then
            back="$had was put back and runs" restored=true state=running
        else
            back="$had could not be put back: $(reason "$said")"
        fi
    elif said=$(take_away 2>&1); then
        systemctl daemon-reload >/dev/null 2>&1 || :
        systemctl reset-failed "$unit" >/dev/null 2>&1 || : # else systemd lists a failed unit that is not there
        restored=true state=missing
        back='the package was removed, since there was none before'
        [ -z "$had" ] || back="the package was removed: $had was there before, and its package is not on the host"
    else
        back="the package could not be removed: $(reason "$said")"
    fi
}

[ "$(id -u)" = 0 ] || [ -n "$root" ] || fail 'only root can install packages'
[ -f "$file" ] || fail 'the package is not on the host: it was not sent'
digest=$(sha256sum <"$file")
[ "${digest%% *}" = "$sha256" ] || fail 'the package on the host is not the one that was declared'
name=$(name_of "$file" 2>/dev/null) || fail "the package cannot be read: $(name_of "$file" 2>&1 || :)"
systemctl show --property=Version >/dev/null 2>&1 || fail 'systemd does not run on this host, and the service needs it'
plain "$(version_of "$file")"
[ "$plain" = "$wanted" ] || fail "the package holds $name $plain, and $wanted is wanted"
remember
if [ "$fresh" = true ] && [ ! -f "$store/unregistered" ] && [ ! -f "$store/attempt" ] && is_there; then
    fail 'another installation added a proxy service to the host after the plan was made'
fi
if [ -n "$had" ] && newer "$had" "$wanted"; then
    fail "$name $had is installed and newer than $wanted: downgrades are not supported"
fi

said=$( (printf '%s\n%s\n' "$had" "$had_file" >"$store/attempt") 2>&1) || fail "$said"
[ -n "$had" ] || [ "$fresh" != true ] || : >"$store/unregistered"
sync "$store/attempt" "$store" 2>/dev/null || : # a host that loses its power in the middle is to know where it was
problem='' failed=yes
if said=$(put "$file" 2>&1); then
    come_up || problem="the service of $wanted does not start"
    ask_installed
    [ -n "$problem" ] || [ "$plain" = "$wanted" ] || problem="the host says that it has ${plain:-nothing}"
else
    problem="the package was not installed: $(reason "$said")"
    systemctl is-failed "$unit" >/dev/null 2>&1 || failed=no # so its log says nothing of this
fi
if [ -n "$problem" ]; then
    log=
    [ "$failed" = no ] || log=$(journalctl -u "$unit" -n 12 --no-pager -o cat 2>/dev/null) || log=
    quote_lines "$log"
    log=$listed
    roll_back
    [ "$restored" = false ] || rm -f "$store/attempt"
    [ "$state" != missing ] || rm -f "$store/unregistered"
    quote "$problem"
    problem=$quoted
    quote "$back"
    printf '{"ok":false,"problem":%s,"log":%s,"back":%s,"restored":%s,"state":"%s"}\n' \
        "$problem" "$log" "$quoted" "$restored" "$state"
    exit 0
fi
printf '%s\n' "${file##*/}" >"$store/current"
for kept in "$store"/*.deb "$store"/*.rpm; do
    [ "$kept" = "$file" ] || rm -f "$kept"
done
rm -f "$store/attempt"
quote "$had"
printf '{"ok":true,"version":"%s","before":%s}\n' "$wanted" "$quoted"
