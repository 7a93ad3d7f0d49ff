# Opens the TCP port of the proxy service in the firewall that is active: ufw or firewalld, now and after a reboot.
# Argument: arg_port. A second run changes nothing.
set -eu

fail() {
    printf '{"type":"open-port","message":"%s","at":""}\n' "$1" >&2
    exit 70
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
    ufw allow "$port/tcp" >/dev/null || fail 'ufw did not take the rule'
    ufw --force delete allow "$port/tcp" >/dev/null 2>&1 || :
    ufw prepend allow "$port/tcp" comment vbo-reconcile >/dev/null 2>&1 ||
        ufw allow "$port/tcp" comment vbo-reconcile >/dev/null || # before ufw 0.36
        fail 'ufw did not take the rule'
elif is_active firewalld; then
    rule=firewalld
    zone=$(zone)
    firewall-cmd --quiet --permanent "--zone=$zone" "--add-port=$port/tcp" || fail 'firewalld did not keep the rule'
    firewall-cmd --quiet "--zone=$zone" "--add-port=$port/tcp" || fail 'firewalld did not take the rule'
fi
printf '{"port":"%s open","rule":"%s"}\n' "$port" "$rule"
