# Installs the proxy service on a host with systemd and dpkg, as its management server would over SSH: a package with
# the program and a unit, and the configuration. Arguments: arg_port, arg_build, arg_server, arg_trust, arg_identity,
# arg_takeover, arg_upgrade. Prints {"ok": true, ...} or {"ok": false, "code", "message"}.
set -eu
config=/etc/veeam/backup365/proxy.ini
unit=Veeam.Archiver.Proxy.service

refuse() {
    printf '{"ok":false,"code":"%s","message":"%s"}\n' "$1" "$2"
    exit 0
}

[ "$(id -u)" = 0 ] || refuse sudo 'The account has no root rights.'
previous=null
if [ -r "$config" ]; then
    owner=$(sed -n 's/^owner=//p' "$config")
    if [ "$arg_takeover" != true ] && { [ "$arg_upgrade" != true ] || [ "$owner" != "$arg_server" ]; }; then
        refuse owned "A proxy service that belongs to $owner is installed on this host."
    fi
    previous="{\"version\":\"$(cat /opt/veeamvboproxy/version)\",\"port\":$(sed -n 's/^port=//p' "$config")}"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
mkdir -p "$work/root"
base64 -d >"$work/package.tar" <<'END'
@PACKAGE@
END
tar -C "$work/root" -xzf "$work/package.tar"
sed -i "s/@BUILD@/$arg_build/" "$work/root/DEBIAN/control" "$work/root/opt/veeamvboproxy/version"
case " @BROKEN@ " in
*" $arg_build "*) sed -i 's|^ExecStart=.*|ExecStart=/bin/false|' "$work/root/lib/systemd/system/$unit" ;;
esac
chmod 755 "$work" "$work/root"
dpkg-deb --build --root-owner-group "$work/root" "$work/proxy.deb" >/dev/null
mkdir -p /etc/veeam/backup365 /etc/veeam/certs
(
    umask 077
    printf '%s' "$arg_trust" >/etc/veeam/certs/server.pem
    printf '%s' "$arg_identity" >/etc/veeam/certs/proxy.pem
)
printf 'owner=%s\nport=%s\n' "$arg_server" "$arg_port" >"$config"
dpkg --install "$work/proxy.deb" >/dev/null 2>"$work/said" || refuse service "dpkg did not install the proxy service."
systemctl enable --quiet "$unit"
systemctl restart "$unit" || refuse service 'The proxy service does not start.'
printf '{"ok":true,"version":"%s","previous":%s}\n' "$arg_build" "$previous"
