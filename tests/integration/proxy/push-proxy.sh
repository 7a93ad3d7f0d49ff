# Installs the proxy service on a host with systemd and dpkg, as its management server would over SSH: a package with
# the program and a unit, and the configuration. Arguments: arg_port, arg_build, arg_server, arg_trust, arg_identity,
# arg_takeover, arg_upgrade, arg_keep. Prints {"ok": true, ...} or {"ok": false, "code", "message"}.
set -eu
config=/etc/veeam/backup365/proxy.ini
unit=Veeam.Archiver.Proxy.service

refuse() {
    printf '{"ok":false,"code":"%s","message":"%s"}\n' "$1" "$2"
    exit 0
}

[ "$(id -u)" = 0 ] || refuse sudo 'The account has no root rights.'
previous=null keep=
if [ -x /opt/veeamvboproxy/Veeam.Archiver.Proxy ]; then
    [ "$arg_keep" != true ] || keep=$(cat /opt/veeamvboproxy/version)
fi
if [ -r "$config" ]; then
    owner=$(sed -n 's/^owner=//p' "$config")
    if [ "$arg_takeover" != true ] && { [ "$arg_upgrade" != true ] || [ "$owner" != "$arg_server" ]; }; then
        refuse owned "A proxy service that belongs to $owner is installed on this host."
    fi
    previous="{\"version\":\"$(cat /opt/veeamvboproxy/version)\",\"port\":$(sed -n 's/^port=//p' "$config")}"
fi

# install BUILD
install() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    base64 -d >"$work/package.tgz" <<'END'
@PACKAGE@
END
    mkdir "$work/root"
    tar -C "$work/root" -xzf "$work/package.tgz"
    sed -i "s/@BUILD@/$1/" "$work/root/DEBIAN/control" "$work/root/opt/veeamvboproxy/version"
    case " @BROKEN@ " in
    *" $1 "*) sed -i 's|^ExecStart=.*|ExecStart=/bin/false|' "$work/root/lib/systemd/system/$unit" ;;
    esac
    dpkg-deb --build --root-owner-group "$work/root" "$work/proxy.deb" >/dev/null
    dpkg --install "$work/proxy.deb" >/dev/null 2>&1 || refuse service 'dpkg did not install the proxy service.'
}

umask 022
[ -n "$keep" ] || install "$arg_build"
mkdir -p /etc/veeam/backup365 /etc/veeam/certs
(
    umask 077
    printf '%s' "$arg_trust" >/etc/veeam/certs/server.pem
    printf '%s' "$arg_identity" >/etc/veeam/certs/proxy.pem
)
printf 'owner=%s\nport=%s\n' "$arg_server" "$arg_port" >"$config"
systemctl enable --quiet "$unit"
# After an upgrade the server greets the service, and sends the previous build where it does not answer.
systemctl restart "$unit" || [ "$arg_upgrade" = true ] || refuse service 'The proxy service does not start.'
printf '{"ok":true,"version":"%s","previous":%s}\n' "${keep:-$arg_build}" "$previous"
