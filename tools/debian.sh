# Sourced by find-python and install-peers: installing Debian packages, failing with one line that names the remedy.
#
# The sourcing script sets `missing`, what is not there, and `remedy`, what else one can do.
log=/dev/null

fail() {
    echo "coluber: $*" >&2
    exit 1
}

# Installs packages. Its status says nothing (apt-get update succeeds without a network): look for the result.
debian() {
    command -v apt-get >/dev/null 2>&1 || fail "$missing, and no apt-get here; install one and $remedy"
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 || fail "$missing; run as root: apt-get install $*"
        as_root=sudo
    fi
    echo "coluber: installing Debian's $*" >&2
    log=$(mktemp)
    {
        $as_root apt-get update -q
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
    } >"$log" 2>&1 </dev/null
}

# Says why apt-get could not install something.
uninstalled() {
    if grep -q -E 'Failed to fetch|Could not (resolve|connect)|Temporary failure' "$log"; then
        fail "apt-get could not install $*; connect to the network, or $remedy"
    fi
    fail "apt-get could not install $*: $(grep '^E: ' "$log" | tail -n 1) (log: $log); mend that, or $remedy"
}
