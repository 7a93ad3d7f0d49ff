# Records that a server has registered the proxy of this host. Changes nothing else.
set -eu
rm -f "${VBO_RECONCILE_ROOT:-}/var/lib/vbo-reconcile/packages/unregistered"
printf '{"registered":true}\n'
