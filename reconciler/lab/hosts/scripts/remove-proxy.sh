# Part of the lab: removes the proxy service. Argument: arg_server.
set -eu
root=${VBO_RECONCILE_ROOT?this script works on hosts of the lab only}
config=$root/etc/veeam/backup365/proxy.ini
unit=Veeam.Archiver.Proxy.service

refuse() {
    printf '{"ok":false,"code":"%s","message":"%s"}\n' "$1" "$2"
    exit 0
}

[ "$(id -u)" = 0 ] || refuse sudo 'The account has no root rights.'
if [ -r "$config" ]; then
    owner=$(sed -n 's/^owner=//p' "$config")
    [ "$owner" = "$arg_server" ] || refuse owned "A proxy service that belongs to $owner is installed on this host."
    systemctl stop "$unit"
    systemctl disable "$unit"
    rm -rf "$root/opt/veeamvboproxy" "$root/etc/veeam" "$root/etc/systemd/system/$unit" "$root/run/lab/$unit"
    : >"$root/var/lib/lab/packages"
fi
printf '{"ok":true,"previous":null}\n'
