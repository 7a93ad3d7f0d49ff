# The facts of a Linux host: one JSON document. Changes nothing.
# Arguments: arg_port (TCP port of the proxy service), arg_server (name of the management server), and arg_smtp with
# arg_smtp_port (the mail server that the proxies report through, if there is one).
# A value that the host cannot report is null. Few processes are started: this runs on every host at every plan.
set -euf
root=${VBO_RECONCILE_ROOT:-}
unit=Veeam.Archiver.Proxy.service
program=$root/opt/veeamvboproxy
notes=$root/var/lib/vbo-reconcile/packages

fail() {
    printf '{"type":"facts","message":"%s","at":""}\n' "$1" >&2
    exit 70
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# quote TEXT: sets $quoted to TEXT as a JSON string.
quote() {
    quoted=$1
    case $1 in
    *[\"\\[:cntrl:]]*) quoted=$(printf %s "$1" | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g') ;;
    esac
    quoted="\"$quoted\""
}

# list WORD...: sets $listed to a JSON array of the words.
list() {
    listed=
    for word in "$@"; do
        quote "$word"
        listed="$listed${listed:+,}$quoted"
    done
    listed="[$listed]"
}

# os-release(5) is shell syntax; it is parsed, not executed. Without the file nothing is known about the release.
read_release() {
    release_id='' release_version='' release_name='' release=null
    for file in "$root/etc/os-release" "$root/usr/lib/os-release"; do
        if [ -r "$file" ]; then
            read_release_from "$file"
            return 0
        fi
    done
}

read_release_from() {
    while IFS= read -r line || [ -n "$line" ]; do
        value=${line#*=}
        case $value in
        \"*\" | \'*\')
            value=${value#?}
            value=${value%?}
            ;;
        esac
        case $line in
        ID=*) release_id=$value ;;
        VERSION_ID=*) release_version=$value ;;
        PRETTY_NAME=*) release_name=$value ;;
        esac
    done <"$1"
    quote "$release_id $release_version"
    release=$quoted
}

# Sets $fqdn. `hostname` is a package of its own; the kernel always has a name.
ask_name() {
    fqdn=''
    if has hostname; then
        fqdn=$(hostname -f 2>/dev/null) || fqdn=$(hostname 2>/dev/null) || fqdn=
    fi
    [ -n "$fqdn" ] || fqdn=$(uname -n 2>/dev/null) || read -r fqdn <"$root/proc/sys/kernel/hostname" || fqdn=
}

# runtimes FRAMEWORK: sets $listed to the versions installed in the places that Microsoft's and the distributions'
# packages use. Reading the folders is what `dotnet --list-runtimes` does, without starting it.
runtimes() {
    framework=$1
    set +f
    set --
    for folder in "$root"/usr/share/dotnet "$root"/usr/lib/dotnet "$root"/usr/lib64/dotnet; do
        for found in "$folder/shared/$framework"/[0-9]*; do
            [ ! -d "$found" ] || set -- "$@" "${found##*/}"
        done
    done
    set -f
    list "$@"
}

# Sets $addresses (words) to the addresses of the server, and $names to the names that they resolve back to; and $asked
# if the host can look names up at all.
resolve_server() {
    addresses='' names='' asked=''
    has getent || return 0
    asked=yes
    found=$(getent ahosts "$1" 2>/dev/null) || found=
    while read -r address _; do
        case " $addresses " in
        "  " | *" $address "*) [ -n "$addresses" ] || addresses=$address ;;
        *) addresses="$addresses $address" ;;
        esac
    done <<END
$found
END
    for address in $addresses; do
        found=$(getent hosts "$address" 2>/dev/null) || found=
        read -r _ name _ <<END
$found
END
        names="$names${name:+ $name}"
    done
}

# port_in PORTS: true if the port is among PORTS, as ufw (9000:9300) and firewalld (9000-9300) write them.
port_in() {
    case $1 in
    */udp) return 1 ;;
    esac
    ports=${1%/tcp}
    old=$IFS
    IFS=,
    # shellcheck disable=SC2086 # splitting is what is wanted
    set -- $ports
    IFS=$old
    for item in "$@"; do
        first=${item%%[:-]*}
        last=${item##*[:-]}
        case $first$last in
        '' | *[!0-9]*) continue ;;
        esac
        if [ "$port" -ge "$first" ] && [ "$port" -le "$last" ]; then
            return 0
        fi
    done
    return 1
}

# number ADDRESS: sets $number to an IPv4 address as one number.
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
    bits=${2#*/}
    number "$1"
    one=$number
    number "${2%/*}"
    mask=$(((4294967295 << (32 - bits)) & 4294967295))
    [ $((one & mask)) -eq $((number & mask)) ]
}

# for_server PEER: true if a rule for PEER applies to the management server.
for_server() {
    case $1 in
    Anywhere) return 0 ;;
    esac
    for address in $addresses; do
        if within "$address" "$1"; then
            return 0
        fi
    done
    return 1
}

# Sets $device and $own: the interface and the address by which the host and the server reach each other; empty if they
# are unknown.
ask_route() {
    device='' own=''
    has ip || return 0
    route='show default'
    [ -z "$addresses" ] || route="get ${addresses%% *}"
    # shellcheck disable=SC2086
    found=$(ip -o route $route 2>/dev/null) || found=
    # shellcheck disable=SC2086
    set -- $found
    while [ $# -gt 1 ]; do
        case $1 in
        dev) device=$2 ;;
        src) own=$2 ;;
        esac
        shift
    done
}

# One line of the table of `ufw status verbose`: TO [(APPLICATION)] [on INTERFACE] ACTION [IN] FROM [(log)] [# COMMENT].
# The first matching rule decides.
ufw_rule() {
    part=to to='' from='' on='' action=''
    while [ $# -gt 0 ]; do
        case $part/$1 in
        */'#') break ;;
        */'(v6)') return 0 ;;
        */'('*)
            while [ $# -gt 1 ] && [ "${1%)}" = "$1" ]; do
                shift
            done
            ;;
        to/on)
            on=${2:-}
            shift
            ;;
        to/ALLOW | to/DENY | to/REJECT | to/LIMIT) action=$1 part=way ;;
        way/IN) part=from ;;
        way/OUT | way/FWD) return 0 ;;
        way/*) part=from from=$1 ;;
        to/*) to="$to $1" ;;
        from/*) from="$from $1" ;;
        esac
        shift
    done
    ufw_to || return 0
    # shellcheck disable=SC2086
    set -- $from
    [ $# -eq 1 ] || return 0 # a rule for one port of the other end, which is any port
    if ! for_server "${1%/tcp}"; then
        partly=yes
        return 0
    fi
    case $action in
    ALLOW | LIMIT) verdict=open ;;
    DENY | REJECT) verdict=closed ;;
    esac
}

# True if $to and $on of a rule match the port, the address and the interface that the server connects to.
ufw_to() {
    # shellcheck disable=SC2086
    set -- $to
    for item in "$@"; do
        case ${item%/tcp} in
        Anywhere) ;;
        */udp | *::*) return 1 ;;
        *[!0-9,:]*)
            ask_route
            within "$own" "${item%/tcp}" || return 1
            ;;
        *) port_in "$item" || return 1 ;;
        esac
    done
    [ -n "$on" ] || return 0
    ask_route
    if [ -z "$device" ]; then
        partly=yes
    fi
    [ "$device" = "$on" ]
}

ask_ufw() {
    shown=$(ufw status verbose 2>/dev/null) || shown=
    case $shown in
    *"Status: active"*) ;;
    *"Status: inactive"*) return 1 ;;
    *)
        kind=ufw verdict=''
        return 0
        ;;
    esac
    kind=ufw verdict='' partly='' default=closed
    case $shown in
    *"Default: allow (incoming)"*) default=open ;;
    esac
    while IFS= read -r line; do
        [ -z "$verdict" ] || break
        case $line in
        *' ALLOW '* | *' DENY '* | *' REJECT '* | *' LIMIT '*)
            # shellcheck disable=SC2086
            ufw_rule $line
            ;;
        esac
    done <<END
$shown
END
    [ -n "$verdict" ] || [ -n "$partly" ] || verdict=$default
}

# Sets $verdict for firewalld, from the zone of the server's connections. `9193 open until restart`: the permanent
# configuration does not have what opens the port now.
ask_firewalld() {
    [ "$(firewall-cmd --state 2>/dev/null)" = running ] || return 1
    kind=firewalld verdict='' doubt=''
    zone=$(firewall-cmd --get-default-zone 2>/dev/null) || return 0
    zones=$(firewall-cmd --list-all-zones 2>/dev/null) || return 0
    find_zone
    read_zone
    find_other_rules
    if [ -z "$doubt" ] && [ "$verdict" = open ]; then
        zones=$(firewall-cmd --permanent --list-all-zones 2>/dev/null) || return 0
        read_zone
        [ "$verdict" = open ] || verdict='open until restart'
    fi
    [ -z "$doubt" ] || verdict=
}

# Direct rules and policies for the host itself are not interpreted: they leave the port in doubt.
find_other_rules() {
    shown=$(firewall-cmd --direct --get-all-rules 2>/dev/null) || shown=
    [ -z "$shown" ] || doubt=yes
    policies=$(firewall-cmd --list-all-policies 2>/dev/null) || policies=
    policy=''
    while IFS= read -r line; do
        case $line in
        [A-Za-z0-9]*) policy=$line ;;
        '  egress-zones: '*HOST*)
            case $policy in
            allow-host-ipv6*) ;;
            *' (active)'*) doubt=yes ;;
            esac
            ;;
        esac
    done <<END
$policies
END
}

# Sets $zone: of the server's address, else of the interface, else the default.
find_zone() {
    ask_route
    by_source='' by_device=''
    while IFS= read -r line; do
        case $line in
        [A-Za-z0-9]*) name=${line%% *} ;;
        '  interfaces: '*)
            case " ${line#*: } " in
            *" ${device:-none} "*) by_device=$name ;;
            esac
            ;;
        '  sources: '*)
            for item in ${line#*: }; do
                case $item in
                *[!0-9./]*) doubt=yes ;; # a set or a hardware address
                *)
                    if for_server "$item"; then
                        by_source=$name
                    fi
                    ;;
                esac
            done
            ;;
        esac
    done <<END
$zones
END
    zone=${by_source:-${by_device:-$zone}}
}

read_zone() {
    verdict=closed name='' services=''
    while IFS= read -r line; do
        case $line in
        [A-Za-z0-9]*) name=${line%% *} ;;
        esac
        [ "$name" = "$zone" ] || continue
        case $line in
        '  target: ACCEPT') verdict=open ;;
        '  services: '*) services=${line#*: } ;;
        '  ports: '*) match_ports "${line#*: }" ;;
        '  protocols: '*) match_protocols "${line#*: }" ;;
        *'rule '*) rich_rule "$line" ;;
        esac
    done <<END
$zones
END
    read_services
}

# The ports of the services of the zone, and of the services that they include.
read_services() {
    seen=' ssh dhcpv6-client cockpit mdns samba-client ipp-client '
    while [ -n "$services" ] && [ "$verdict" = closed ]; do
        item=${services%% *} rest=${services#"${services%% *}"}
        services=${rest# }
        case $seen in
        *" $item "*) continue ;;
        esac
        seen="$seen$item "
        shown=$(firewall-cmd "--info-service=$item" 2>/dev/null) || shown=
        while IFS= read -r line; do
            case $line in
            '  ports: '*) match_ports "${line#*: }" ;;
            '  protocols: '*) match_protocols "${line#*: }" ;;
            '  includes: '?*) services="$services${services:+ }${line#*: }" ;;
            esac
        done <<END
$shown
END
    done
}

match_ports() {
    for ports in $1; do
        if port_in "$ports"; then
            verdict=open
        fi
    done
}

match_protocols() {
    case " $1 " in
    *' tcp '*) verdict=open ;;
    esac
}

# A rich rule that accepts the port from the server opens it. Other rich rules for the port are not interpreted.
rich_rule() {
    case $1 in
    *'family="ipv6"'* | *'icmp-'* | *'forward-port'*) return 0 ;;
    *' port port="'*) ;;
    *'service name="ssh"'*) return 0 ;;
    *)
        doubt=yes
        return 0
        ;;
    esac
    ports=${1#* port port=\"}
    case $1 in
    *'protocol="tcp"'*) port_in "${ports%%\"*}" || return 0 ;;
    *) return 0 ;;
    esac
    peer=Anywhere
    case $1 in
    *'source NOT'* | *'source ipset'* | *'source mac'* | *'destination '*) peer=unknown ;;
    *'source address="'*)
        peer=${1#*source address=\"}
        peer=${peer%%\"*}
        ;;
    esac
    case $1 in
    *accept*)
        if for_server "$peer"; then
            verdict=open
        else
            doubt=yes
        fi
        ;;
    *) doubt=yes ;;
    esac
}

# True if no chain of nftables or iptables but those of ufw or firewalld can drop connections to the host. What other
# chains do with this port is not interpreted.
is_unfiltered() {
    if has nft; then
        shown=$(nft list ruleset 2>/dev/null) || return 1
        is_accepting "$shown" || return 1
    fi
    legacy=''
    [ ! -r "$root/proc/net/ip_tables_names" ] || read -r legacy <"$root/proc/net/ip_tables_names" || :
    set -- iptables
    case $addresses in
    *:*) set -- iptables ip6tables ;;
    esac
    [ -z "$legacy" ] || set -- "$@" iptables-legacy
    for tool in "$@"; do
        if has "$tool-save"; then
            shown=$("$tool-save" 2>/dev/null) || return 1
            is_accepting_tables "$shown" || return 1
            legacy=''
        fi
    done
    [ -z "$legacy" ]
}

# True if the chains of a rule set of nftables that connections to the host pass accept everything: those with the hooks
# ingress, prerouting and input. Tables of iptables, where ufw has its rules, are in `iptables-save` as well.
is_accepting() {
    chain='' table=''
    while read -r line; do
        case $line in
        'table '*) table=$line ;;
        'type '*'hook ingress'*'policy accept'* | *'hook prerouting'*'policy accept'* | *'hook input'*'policy accept'*)
            chain=yes
            ;;
        'type '*'hook ingress'* | *'hook prerouting'* | *'hook input'*) is_known_table || return 1 ;;
        '}') chain='' ;;
        ?*) [ -z "$chain" ] || is_known_table || return 1 ;;
        esac
    done <<END
$1
END
}

# True if the rules of the table are those of the firewall that was asked.
is_known_table() {
    case $kind/$table in
    firewalld/'table '*' firewalld '* | ufw/'table ip filter '* | ufw/'table ip6 filter '*) return 0 ;;
    esac
    return 1
}

# The same for what `iptables-save` prints. Of ufw, the rules that it brings along are known.
is_accepting_tables() {
    table=''
    while read -r line; do
        case $line in
        '*'*) table=${line#?} ;;
        ':PREROUTING ACCEPT'* | ':INPUT ACCEPT'*) ;;
        ':PREROUTING '* | ':INPUT '* | '-A PREROUTING '* | '-A INPUT '*) is_ufw_rule || return 1 ;;
        '-A ufw-before-input '* | '-A ufw6-before-input '*) is_ufw_rule || return 1 ;;
        esac
    done <<END
$1
END
}

is_ufw_rule() {
    case $kind/$table/$line in
    ufw/filter/*' -j ufw'* | ufw/filter/':INPUT DROP'* | ufw/filter/':INPUT REJECT'*) return 0 ;;
    ufw/filter/'-A ufw'*' -i lo '* | ufw/filter/'-A ufw'*' --ctstate '*) return 0 ;;
    ufw/filter/'-A ufw'*' --rt-type '* | ufw/filter/'-A ufw'*' -p icmp '*) return 0 ;;
    ufw/filter/'-A ufw'*' -p ipv6-icmp '* | ufw/filter/'-A ufw'*' -p udp '*) return 0 ;;
    esac
    return 1
}

# Sets $kind and $firewall.
ask_firewall() {
    kind=none verdict=''
    if has ufw && ask_ufw; then
        :
    elif has firewall-cmd && ask_firewalld; then
        :
    else
        kind=none verdict=open
    fi
    if [ -n "$verdict" ] && ! is_unfiltered; then
        verdict=
    fi
    firewall=null
    [ -z "$verdict" ] || firewall="\"$port $verdict\""
}

# Sets $build to the version of the package that the program belongs to, as JSON.
package_version() {
    build=
    if has dpkg-query; then
        owner=$(dpkg-query -S "$program" 2>/dev/null) || owner=
        owner=${owner%%[:,]*}
        [ -z "$owner" ] || build=$(dpkg-query -W -f '${Version}' "$owner" 2>/dev/null) || build=
    fi
    if [ -z "$build" ] && has rpm; then
        build=$(rpm -qf --qf '%{VERSION}' "$program" 2>/dev/null) || build=
    fi
    if [ -n "$build" ]; then
        quote "$build"
        build=$quoted
    else
        build=null
    fi
}

# Sets $installed, $state, $start, $build and $listening; and $unfinished and $unregistered, the state files of
# package-install.sh, if they exist.
ask_service() {
    installed=false state='"missing"' start='"missing"' build=null listening=null unfinished='' unregistered=''
    shown=$(systemctl show --property=LoadState,ActiveState,UnitFileState "$unit" 2>/dev/null) || shown=
    case $shown in
    *LoadState=loaded* | *LoadState=masked*)
        installed=true
        package_version
        case $shown in
        *ActiveState=active* | *ActiveState=reloading* | *ActiveState=activating*) state='"running"' ;;
        *ActiveState=failed*) state='"failed"' ;;
        *) state='"stopped"' ;;
        esac
        case $shown in
        *UnitFileState=enabled*) start='"automatic"' ;;
        *UnitFileState=masked* | *LoadState=masked*) start='"masked"' ;;
        *UnitFileState=disabled*) start='"disabled"' ;;
        *) start='"manual"' ;;
        esac
        ;;
    *LoadState=*) ;;
    *) # no systemd, or one that does not answer
        state=null start=null installed=null
        if [ -e "$program" ]; then
            installed=true
            package_version
        fi
        ;;
    esac
    [ ! -e "$notes/attempt" ] || unfinished=',"unfinished":true'
    [ ! -e "$notes/unregistered" ] || unregistered=',"unregistered":true'
    if has ss && shown=$(ss -Hltn 2>/dev/null); then
        case $shown in
        *":$port "*) listening=true ;;
        *) listening=false ;;
        esac
    fi
}

# Sets $free to the free space, in whole gigabytes, of the file system of the program.
ask_disk() {
    folder=$root/opt
    [ -d "$folder" ] || folder=$root/
    free=null
    shown=$(df -Pk "$folder" 2>/dev/null) || return 0
    shown=${shown##*
}
    # shellcheck disable=SC2086
    set -- $shown
    case ${4:-} in
    '' | *[!0-9]*) ;;
    *) free=$(($4 / 1048576)) ;;
    esac
}

# Sets $mail: whether the mail server accepts a connection. Nothing is sent. POSIX sh cannot connect, bash can.
ask_mail() {
    mail=null
    [ -n "$smtp" ] || return 0
    if has bash && has timeout; then
        # shellcheck disable=SC2016 # the inner shell expands them
        if timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$smtp" "$smtp_port" >/dev/null 2>&1; then
            mail=true
        else
            mail=false
        fi
    fi
}

# Sets $ends to the expiry dates of the certificates of the proxy service, as openssl prints them, as JSON strings.
ask_certificates() {
    ends=
    has openssl || return 0
    set +f
    set -- "$root"/etc/veeam/certs/*.pem "$root"/etc/veeam/certs/*.crt
    set -f
    for file in "$@"; do
        [ -r "$file" ] || continue
        found=$(openssl x509 -noout -enddate -in "$file" 2>/dev/null) || continue
        quote "${found#notAfter=}"
        ends="$ends${ends:+,}$quoted"
    done
}

port=${arg_port:-}
case $port in
'' | *[!0-9]*) fail 'the argument port is not a number' ;;
esac
server=${arg_server:-}
smtp=${arg_smtp:-} smtp_port=${arg_smtp_port:-25}

utc=$(date -u +%Y-%m-%dT%H:%M:%SZ)
read_release
who=$(id 2>/dev/null) || :  # it fails for a group without a name, and prints the rest
ask_name
resolve_server "$server"
ask_firewall
ask_service
ask_disk
ask_mail
ask_certificates

admin=false
case $who in
uid=0[!0-9]*) admin=true ;;
esac
user=${who%% *}
user=${user#*\(}
user=${user#uid=}
pending=false reasons='[]'
if [ -e "$root/var/run/reboot-required" ]; then
    pending=true reasons='["reboot-required"]'
fi

quote "$release_id"
os="\"id\":$quoted"
quote "$release_version"
os="$os,\"version\":$quoted"
os="$os,\"release\":$release"
quote "$release_name"
os="$os,\"name\":$quoted"
quote "${fqdn%%.*}"
host="\"name\":$quoted"
quote "$fqdn"
host="$host,\"fqdn\":$quoted"
quote "${user%%\)*}"
account="\"user\":$quoted,\"admin\":$admin"
runtimes Microsoft.NETCore.App
dotnet="\"runtime\":$listed"
runtimes Microsoft.AspNetCore.App
dotnet="$dotnet,\"aspnet\":$listed"
quote "$server"
peer="\"name\":$quoted"
# shellcheck disable=SC2086
list $addresses
[ -n "$asked" ] || listed=null
peer="$peer,\"addresses\":$listed"
# shellcheck disable=SC2086
list $names
[ -n "$asked" ] || listed=null
peer="$peer,\"reverse\":$listed"
service="\"installed\":$installed,\"version\":$build,\"state\":$state,\"start\":$start$unfinished$unregistered"

printf '{"os":{"family":"linux",%s},"host":{%s},"clock":{"utc":"%s"},"account":{%s},"dotnet":{%s},' \
    "$os" "$host" "$utc" "$account" "$dotnet"
printf '"firewall":{"kind":"%s","port":%s},"disk":{"free_gb":%s},"reboot":{"pending":%s,"reasons":%s},' \
    "$kind" "$firewall" "$free" "$pending" "$reasons"
quote "$smtp"
printf '"mail":{"server":%s,"reachable":%s},"certificates":{"ends":[%s]},' "$quoted" "$mail" "$ends"
printf '"server":{%s},"service":{%s,"listening":%s}}\n' "$peer" "$service" "$listening"
