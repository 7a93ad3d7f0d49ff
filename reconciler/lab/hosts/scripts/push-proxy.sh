# Part of the lab: installs the proxy service, as its management server would over SSH.
# Arguments: arg_port, arg_build, arg_server, arg_trust (certificate of the server), arg_identity (certificate and key
# of the service), arg_takeover, arg_upgrade, arg_keep. Prints {"ok": true, ...} or {"ok": false, "code", "message"}.
set -eu
root=${VBO_RECONCILE_ROOT?this script works on hosts of the lab only}
config=$root/etc/veeam/backup365/proxy.ini
unit=Veeam.Archiver.Proxy.service

refuse() {
    printf '{"ok":false,"code":"%s","message":"%s"}\n' "$1" "$2"
    exit 0
}

[ "$(id -u)" = 0 ] || refuse sudo 'The account has no root rights.'
has_runtime() {
    for found in "$root/usr/share/dotnet/shared/$1"/8.0.*; do
        [ ! -d "$found" ] || [ "${found##*.}" -lt 10 ] || return 0
    done
    return 1
}
has_runtime Microsoft.NETCore.App || refuse dotnet '.NET Runtime 8.0.10 or later is not installed.'
has_runtime Microsoft.AspNetCore.App || refuse dotnet 'ASP.NET Core Runtime 8.0.10 or later is not installed.'
previous=null
if [ -r "$config" ] && [ -e "$root/etc/systemd/system/$unit" ]; then
    owner=$(sed -n 's/^owner=//p' "$config")
    if [ "$arg_takeover" != true ] && { [ "$arg_upgrade" != true ] || [ "$owner" != "$arg_server" ]; }; then
        refuse owned "A proxy service that belongs to $owner is installed on this host."
    fi
    if [ "$arg_keep" = true ]; then
        arg_build=$(sed -n 's/^version=//p' "$config")
    fi
    previous="{\"version\":\"$(sed -n 's/^version=//p' "$config")\",\"port\":$(sed -n 's/^port=//p' "$config")}"
fi

mkdir -p "$root/etc/veeam/backup365" "$root/etc/veeam/certs" "$root/opt/veeamvboproxy" "$root/etc/systemd/system"
printf '%s' "$arg_trust" >"$root/etc/veeam/certs/server.pem"
printf '%s' "$arg_identity" >"$root/etc/veeam/certs/proxy.pem"
printf 'version=%s\nowner=%s\nport=%s\n' "$arg_build" "$arg_server" "$arg_port" >"$config"
printf '[Service]\nExecStart=/opt/veeamvboproxy/Veeam.Archiver.Proxy\n' >"$root/etc/systemd/system/$unit"
printf 'veeamvboproxy %s /opt/veeamvboproxy\n' "$arg_build" >"$root/var/lib/lab/packages"
systemctl daemon-reload
systemctl enable "$unit"
systemctl restart "$unit"
printf '{"ok":true,"version":"%s","previous":%s}\n' "$arg_build" "$previous"
