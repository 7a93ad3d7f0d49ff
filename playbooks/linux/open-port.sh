# Opens the TCP port of the proxy service in the firewall that is active: ufw or firewalld, now and after a reboot.
# Argument: arg_port. A second run changes nothing.
set -eu

fail() {
    message=$(printf %s "$1" | tr '\n\t' '  ' | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')
    printf '{"type":"open-port","message":"%s","at":""}\n' "$message" >&2
    exit 70
}

# try WHAT COMMAND...: runs it; if it fails, the reason is its own message after WHAT.
try() {
    what=$1
    shift
    said=$("$@" 2>&1) || fail "$what: ${said:-$1 failed}"
}

is_active() {
    case $1 in
    ufw) command -v ufw >/dev/null 2>&1 && ufw status 2>/dev/null | grep -q '^Status: active' ;;
    firewalld) command -v firewall-cmd >/dev/null 2>&1 && firewall-cmd --state >/dev/null 2>&1 ;;
    esac
}

# Prints the zone of the interface that other networks are reached through.
zone() {
    # shellcheck disable=SC2046
    set -- $(ip -o route show default 2>/dev/null)
    while [ $# -gt 1 ] && [ "$1" != dev ]; do
        shift
    done
    firewall-cmd "--get-zone-of-interface=${2:-none}" 2>/dev/null || firewall-cmd --get-default-zone
}

port=${arg_port:-}
case $port in
'' | *[!0-9]*) fail 'the argument port is not a number' ;;
esac

rule=none
if is_active ufw; then
    rule=ufw
    # The first rule that fits decides, so it goes in front. A rule that is there already would stay where it is: one
    # that denies is turned into ours first, and ours is taken away.
    try 'ufw did not take the rule' ufw allow "$port/tcp"
    ufw --force delete allow "$port/tcp" >/dev/null 2>&1 || :
    ufw prepend allow "$port/tcp" comment vbo-reconcile >/dev/null 2>&1 ||
        try 'ufw did not take the rule' ufw allow "$port/tcp" comment vbo-reconcile # before ufw 0.36
elif is_active firewalld; then
    rule=firewalld
    zone=$(zone)
    try 'firewalld did not keep the rule' firewall-cmd --quiet --permanent "--zone=$zone" "--add-port=$port/tcp"
    try 'firewalld did not take the rule' firewall-cmd --quiet "--zone=$zone" "--add-port=$port/tcp"
fi
printf '{"port":"%s open","rule":"%s"}\n' "$port" "$rule"
