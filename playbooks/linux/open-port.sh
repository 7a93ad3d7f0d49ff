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

port=${arg_port:-}
case $port in
'' | *[!0-9]*) fail 'the argument port is not a number' ;;
esac

rule=none
if is_active ufw; then
    rule=ufw
    ufw allow "$port/tcp" comment vbo-reconcile >/dev/null || fail 'ufw did not take the rule'
elif is_active firewalld; then
    rule=firewalld
    firewall-cmd --quiet --permanent "--add-port=$port/tcp" || fail 'firewalld did not keep the rule'
    firewall-cmd --quiet "--add-port=$port/tcp" || fail 'firewalld did not take the rule'
fi
printf '{"port":"%s open","rule":"%s"}\n' "$port" "$rule"
