#!/usr/bin/env bash
# From nothing to predictions, with times: a new Debian without a compiler, `pip install` of the
# wheel in dist/, and real scans of digits. Run as root, after `make wheels`; needs debootstrap.
#
#   tests/wheels/fresh_root.sh [SUITE]      bookworm (Python 3.11) or trixie (Python 3.13)
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=${1:-bookworm}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    "$suite" "$root" >"$root.log" 2>&1 || { tail -20 "$root.log" >&2; exit 1; }
rm "$root.log"
cp /etc/resolv.conf "$root/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
mkdir "$root/wheels"
cp dist/*.whl "$root/wheels/"

inside() {
    chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/root/signbit/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
        ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} sh -c "cd /root && $1"
}
timed() {
    local start seconds
    start=$(date +%s%N)
    inside "$1" >"$root/said" 2>&1 || { cat "$root/said" >&2; exit 1; }
    seconds=$((($(date +%s%N) - start) / 10000000))
    printf '%4d.%02d s  %s\n' $((seconds / 100)) $((seconds % 100)) "$1"
}

for compiler in cc c++ gcc g++ clang clang++ cmake ninja; do
    ! inside "command -v $compiler" || { echo "fresh_root: $compiler is there" >&2; exit 1; }
done
inside '. /etc/os-release && echo "$PRETTY_NAME, $(python3 --version), no compiler"'
timed 'python3 -m venv signbit'
timed 'pip install --quiet --find-links /wheels --only-binary :all: signbit'
timed 'signbit zoo'
timed 'signbit zoo digits_binary -o digits.signbit'
timed 'signbit images digits pictures'
timed 'signbit predict digits.signbit pictures/test --out answers.csv'
inside 'signbit predict digits.signbit pictures/test --out answers.csv' 2>&1 | grep -v '^wrong'
inside 'head -3 answers.csv'
