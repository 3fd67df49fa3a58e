# shellcheck shell=bash
# What the scripts beside this file share: where the tree is, and which Rust does what. Sourced, never run.

# Read by those who source this.
# shellcheck disable=SC2034
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
work=$root/.build
venv=$work/venv
# A rustup that is here is used as it is: nothing makes it fetch a toolchain.
export RUSTUP_AUTO_INSTALL=0

# die SENTENCE: the one way out when something fails.
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# The header comment of the script that runs, as its help.
usage() {
    awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"
}

# active_has_target TRIPLE: the active Rust links for TRIPLE, and TRIPLE is this machine's own architecture
# (for another one it would want a linker that is not there).
active_has_target() {
    local libdir
    [[ ${1%%-*} == "$(uname -m)" ]] || return 1
    command -v cargo >/dev/null || return 1
    libdir=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
    compgen -G "$libdir/libstd-*.rlib" >/dev/null
}

# new_enough RUSTC: it is not older than Cargo.toml wants.
new_enough() {
    local wanted version
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    version=$("$1" --version 2>/dev/null | cut -d' ' -f2) || return 1
    [[ $(printf '%s\n' "$wanted" "$version" | sort -V | head -n 1) == "$wanted" ]]
}

# active_can_develop: the active Rust is new enough, and has rustfmt and clippy.
active_can_develop() {
    command -v rustc >/dev/null && new_enough rustc &&
        cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1
}

# use_development_rust: makes cargo and rustc the ones that check and test: the active ones, or Debian's.
use_development_rust() {
    active_can_develop && return
    PATH=/usr/bin:$PATH
    export PATH
    unset RUSTC CARGO RUSTUP_TOOLCHAIN
}
