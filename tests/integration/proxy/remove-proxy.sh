# Removes the proxy service from a host with systemd and dpkg. Argument: arg_server.
set -eu
config=/etc/veeam/backup365/proxy.ini

refuse() {
    printf '{"ok":false,"code":"%s","message":"%s"}\n' "$1" "$2"
    exit 0
}

[ "$(id -u)" = 0 ] || refuse sudo 'The account has no root rights.'
if [ -r "$config" ]; then
    owner=$(sed -n 's/^owner=//p' "$config")
    [ "$owner" = "$arg_server" ] || refuse owned "A proxy service that belongs to $owner is installed on this host."
    systemctl disable --now --quiet Veeam.Archiver.Proxy.service
    dpkg --purge veeamvboproxy >/dev/null 2>&1 || refuse service 'dpkg did not remove the proxy service.'
    rm -rf /etc/veeam
    systemctl daemon-reload
fi
printf '{"ok":true,"previous":null}\n'
