# Sourced by scripts/test: makes what the tests of viewers need, once. What cannot be had here is said, and the tests
# that need it are skipped.
#   .venv-readers             programs of others that open NWB files; it does not see this project
#   tests/viewers/h5web/dist  a page with h5web, built by node

viewers="$root/tests/viewers"

# A change of any file changes this.
sum_of() {
    echo "$root $(cat -- "$@" | cksum)"
}

make_readers() {
    local readers="$root/.venv-readers" wanted
    wanted="$(sum_of "$viewers/requirements.txt")"
    if [ "$(cat -- "$readers/installed" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    echo "installing readers of NWB files into $readers (takes minutes the first time)" >&2
    if ! "$bin/python" -m venv --clear "$readers" ||
        ! "$readers/bin/python" -m pip install --quiet --retries 2 --requirement "$viewers/requirements.txt"; then
        echo "pip could not install them, see above: tests that need them are skipped" >&2
        return
    fi
    echo "$wanted" >"$readers/installed"
}

# Fails if the registry answers, and yet there is no page.
build_h5web() {
    local page="$viewers/h5web" wanted
    wanted="$(sum_of "$page"/{package.json,index.html,main.js})"
    if [ "$(cat -- "$page/dist/built" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    rm -rf -- "$page/dist"
    if ! command -v npm >/dev/null; then
        echo "no npm on this machine: the test in h5web is skipped" >&2
        return
    fi
    if ! npm ping --fetch-retries=1 --loglevel=error >/dev/null; then
        echo "npm does not reach its registry: the test in h5web is skipped" >&2
        return
    fi
    echo "building a page with h5web in $page (takes a minute or two the first time)" >&2
    (cd -- "$page" && npm install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error >&2) || return 1
    (cd -- "$page" && npm run build --silent -- --logLevel=error >&2) || return 1
    echo "$wanted" >"$page/dist/built"
}
