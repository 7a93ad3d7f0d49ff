# Gives the proxy service of a host with systemd another port. Arguments: arg_port, arg_server.
set -eu
config=/etc/veeam/backup365/proxy.ini

refuse() {
    printf '{"ok":false,"code":"%s","message":"%s"}\n' "$1" "$2"
    exit 0
}

[ "$(id -u)" = 0 ] || refuse sudo 'The account has no root rights.'
[ -r "$config" ] || refuse service 'The proxy service is not installed.'
owner=$(sed -n 's/^owner=//p' "$config")
[ "$owner" = "$arg_server" ] || refuse owned "A proxy service that belongs to $owner is installed on this host."
version=$(cat /opt/veeamvboproxy/version)
port=$(sed -n 's/^port=//p' "$config")
printf 'owner=%s\nport=%s\n' "$owner" "$arg_port" >"$config"
systemctl restart Veeam.Archiver.Proxy.service || refuse service 'The proxy service does not start.'
printf '{"ok":true,"version":"%s","previous":{"version":"%s","port":%s}}\n' "$version" "$version" "$port"
