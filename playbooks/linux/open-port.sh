# Opens the TCP port of the proxy service in the firewall that is active: ufw or firewalld, now and after a reboot. From
# any address: the server and the other proxies connect to it, and where they come from is not known here. firewalld has
# zones: the port is opened in the one of the server. Whether it is open then is a question for facts.sh.
# Arguments: arg_port, and arg_server, the name of the management server. A second run changes nothing.
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

# number ADDRESS: sets $number to an IPv4 address as a number.
number() {
    old=$IFS
    IFS=.
    # shellcheck disable=SC2086
    set -- $1
    IFS=$old
    number=$((($1 << 24) + ($2 << 16) + ($3 << 8) + $4))
}

# within ADDRESS NETWORK: true if the address is NETWORK, or in it (IPv4, as 10.0.0.0/8).
within() {
    [ "$1" != "$2" ] || return 0
    case $1/$2 in
    *[!0-9./]* | */*/*/*) return 1 ;;
    *.*.*.*/*.*.*.*/*) ;;
    *) return 1 ;;
    esac
    number "$1"
    one=$number
    number "${2%/*}"
    mask=$(((4294967295 << (32 - ${2#*/})) & 4294967295))
    [ $((one & mask)) -eq $((number & mask)) ]
}

# zone ADDRESS: prints the zone of the server's connections: the one of its address, else of the interface that leads to
# it (to other networks, if its address is not known), else the default.
zone() {
    found='' name=''
    while read -r word rest; do
        case $word in
        sources:)
            for item in $rest; do
                if within "$1" "$item"; then
                    found=$name
                fi
            done
            ;;
        interfaces:) ;;
        *) name=$word ;;
        esac
    done <<END
$(firewall-cmd --get-active-zones 2>/dev/null)
END
    if [ -n "$found" ]; then
        printf '%s\n' "$found"
        return 0
    fi
    route='show default'
    [ -z "$1" ] || route="get $1"
    # shellcheck disable=SC2046,SC2086
    set -- $(ip -o route $route 2>/dev/null)
    while [ $# -gt 1 ] && [ "$1" != dev ]; do
        shift
    done
    firewall-cmd "--get-zone-of-interface=${2:-none}" 2>/dev/null || firewall-cmd --get-default-zone
}

# Prints the first address of the server; nothing if it is not known.
address() {
    [ -n "$1" ] && command -v getent >/dev/null 2>&1 || return 0
    found=$(getent ahosts "$1" 2>/dev/null) || return 0
    printf '%s\n' "${found%%[[:blank:]]*}"
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
    zone=$(zone "$(address "${arg_server:-}")")
    try 'firewalld did not keep the rule' firewall-cmd --quiet --permanent "--zone=$zone" "--add-port=$port/tcp"
    try 'firewalld did not take the rule' firewall-cmd --quiet "--zone=$zone" "--add-port=$port/tcp"
fi
printf '{"port":%s,"rule":"%s"}\n' "$port" "$rule"
