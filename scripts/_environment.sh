# Sourced by the other scripts: makes .venv with the project and its development tools, and sets
#   root  the checkout
#   bin   the environment's programs

CDPATH='' root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)"
bin="$root/.venv/bin"

fail() {
    printf '%s: %s\n' "$(basename -- "$0")" "$1" >&2
    exit 1
}

has_version() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1
}

# Names on PATH may be stubs that run nothing (pyenv), and a system's Python may lack venv (Debian): try, then believe.
find_python() {
    local name
    for name in python3.13 python3.12 python3.11 python3; do
        if has_version "$name" && "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
    return 1
}

make_environment() {
    local python
    if [ ! -e "$root/.venv" ]; then
        python="$(find_python)" || fail "found no Python 3.11 to 3.13 with its venv module; install one (Debian: also python3-venv)"
        "$python" -m venv "$root/.venv" || fail "$python could not make $root/.venv"
    elif ! has_version "$bin/python"; then
        fail "$root/.venv holds no working Python 3.11 to 3.13; delete that folder and run again"
    fi
}

install_project() {
    local log="$root/.venv/install.log" stamp="$root/.venv/installed" wanted
    # The path is part of it: a copied checkout must not run the code of the place that it came from.
    wanted="$root $(cksum <"$root/pyproject.toml")"
    if [ "$(cat -- "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    echo "installing into $root/.venv (takes minutes the first time)" >&2
    if ! (cd -- "$root" && "$bin/python" -m pip install --quiet --editable '.[dev]') >"$log" 2>&1; then
        tail -n 20 -- "$log" >&2
        fail "the installation failed, see above; the whole log is $log"
    fi
    echo "$wanted" >"$stamp"
}

make_environment
install_project
