#!/bin/sh
# Make .venv from the lock file, on a machine that has only python3 with pip.
# Called by `make setup`, from the project's folder.  uv goes to .tools/, never beside your own.
# With --check-lock: only say whether uv.lock still fits pyproject.toml, without the network.
# With --audit: ask osv.dev (or AUDIT_URL) for known vulnerabilities of all that uv.lock names.
set -eu

UV_VERSION=0.13.9
UV_MINOR_MIN=13
PYTHON_RANGE='>=3.12,<3.15' # as requires-python in pyproject.toml

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Whether $1 is a uv that runs in this folder.  A pyenv shim may exist and still refuse to: it
# obeys .python-version, and that Python need not be the one uv was installed for.
uv_answers() {
    version=$("$1" --version 2>/dev/null) || return 1
    version=${version#uv }
    major=${version%%.*}
    minor=${version#*.}
    minor=${minor%%.*}
    case $major$minor in '' | *[!0-9]*) return 1 ;; esac
    [ "$major" -gt 0 ] || [ "$minor" -ge "$UV_MINOR_MIN" ]
}

# Print a python3 that has pip; the same caution about shims.
python_with_pip() {
    for python in python3 python3.13 python3.14 python3.12 /usr/bin/python3 /usr/local/bin/python3; do
        "$python" -m pip --version >/dev/null 2>&1 && echo "$python" && return
    done
    return 1
}

install_uv() {
    python=$(python_with_pip) || die 'no python3 with pip found; on Debian: apt-get install python3-pip'
    say "installing uv $UV_VERSION into .tools/ with $python"
    # A user's pip settings (--user, a required virtualenv) contradict --target.
    PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
        "$python" -m pip install --quiet --upgrade --target .tools "uv==$UV_VERSION"
}

find_uv() {
    for uv in uv .tools/bin/uv; do
        uv_answers "$uv" && return
    done
    install_uv || die 'cannot install uv: pip failed (see above)'
    uv_answers "$uv" || die "$uv was installed but does not run here"
}

# The interpreters on PATH, then pyenv's own: a shim hides those that .python-version does not name.
find_python() {
    PATH=$PATH:$(printf '%s:' "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.1[2-4]*/bin) \
        "$uv" python find --system --no-python-downloads "$1" 2>/dev/null
}

choose_python() {
    wanted=$(cat .python-version)
    find_python "$wanted" && return
    say "no Python $wanted here; asking uv to download it"
    if "$uv" python install "$wanted" >&2; then
        "$uv" python find --system "$wanted"
        return
    fi
    find_python "$PYTHON_RANGE" || return 1
    say "cannot download Python $wanted; falling back to the interpreter found (3.12 to 3.14 work)"
}

# An audit that reached nobody has found nothing out, and must not look like a clean one.
audit() {
    code=0
    "$uv" audit --frozen --preview-features audit ${AUDIT_URL:+--service-url "$AUDIT_URL"} || code=$?
    case $code in
    0) say 'audited: no package of uv.lock has a known vulnerability' ;;
    1) say 'upgrade what is listed above, or say in ops/adr/0003-dependencies.md why not' ;;
    *) say 'NOT AUDITED: the advisories could not be had (see above); that says nothing either way' ;;
    esac
    exit "$code"
}

unset UV_PROJECT_ENVIRONMENT UV_PYTHON VIRTUAL_ENV
# Trust whom this machine trusts (an office's proxy has its own authority); a bare container has
# no such list, and uv then uses its own.
[ -z "$(ls /etc/ssl/certs 2>/dev/null)" ] || export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
find_uv
if [ "${1:-}" = --check-lock ]; then
    "$uv" lock --check --offline --quiet --python .venv/bin/python || die 'uv.lock is stale; run: uv lock'
    exit
fi
[ "${1:-}" != --audit ] || audit
python=$(choose_python) || die "no Python $PYTHON_RANGE here and none can be downloaded; install 3.12, 3.13 or 3.14"
say "using $("$uv" --version) and $("$python" --version) ($python)"
"$uv" sync --frozen --quiet --python "$python"
