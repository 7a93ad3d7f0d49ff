# Connects from this host to ports of others and sends nothing. Changes nothing. Argument: arg_targets (HOST:PORT, with
# blanks between them). `open` is true where a connection is accepted, false where it is refused or not answered, null
# where this is unknown: the name does not resolve, or bash is missing (other shells cannot connect).
set -eu

fail() {
    message=$(printf %s "$1" | tr '\n\t' '  ' | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')
    printf '{"type":"reach","message":"%s","at":""}\n' "$message" >&2
    exit 70
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Sets $open.
connect() {
    open=null
    has bash && has timeout || return 0
    code=0
    # shellcheck disable=SC2016 # the inner shell expands them
    said=$(LC_ALL=C timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "${1%:*}" "${1##*:}" 2>&1) || code=$?
    case $code:$said in
    0:*) open=true ;;
    124:*) open=false ;;
    *refused* | *unreachable* | *'No route to host'* | *'timed out'*) open=false ;;
    esac
}

ports=
for target in ${arg_targets:-}; do
    case $target in
    *[!A-Za-z0-9._:-]*) fail 'the argument targets has a character that no address has' ;;
    esac
    connect "$target"
    ports="$ports${ports:+,}{\"target\":\"$target\",\"open\":$open}"
done
printf '{"ports":[%s]}\n' "$ports"
