# Part of the lab: gives the proxy service another port and restarts it. Arguments: arg_port, arg_server.
set -eu
root=${VBO_RECONCILE_ROOT?this script works on hosts of the lab only}
config=$root/etc/veeam/backup365/proxy.ini

refuse() {
    printf '{"ok":false,"code":"%s","message":"%s"}\n' "$1" "$2"
    exit 0
}

[ "$(id -u)" = 0 ] || refuse sudo 'The account has no root rights.'
[ -r "$config" ] || refuse service 'The proxy service is not installed.'
owner=$(sed -n 's/^owner=//p' "$config")
[ "$owner" = "$arg_server" ] || refuse owned "A proxy service that belongs to $owner is installed on this host."
version=$(sed -n 's/^version=//p' "$config")
port=$(sed -n 's/^port=//p' "$config")
printf 'version=%s\nowner=%s\nport=%s\n' "$version" "$owner" "$arg_port" >"$config"
systemctl restart Veeam.Archiver.Proxy.service
printf '{"ok":true,"version":"%s","previous":{"version":"%s","port":%s}}\n' "$version" "$version" "$port"
