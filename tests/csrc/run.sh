#!/bin/sh
# Build tests/csrc/test_kernels.cc and run it: under sanitizers with what this processor has, with
# AVX-512 emulated by SIMDe, and as an ARM program under qemu. Needs the Debian packages
# g++-aarch64-linux-gnu, libsimde-dev and qemu-user.
set -eu
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
kernels=$(find csrc/kernels csrc/cpu.cc -name '*.cc' ! -path '*/peak/*')
flags="-std=c++20 -O1 -ffp-contract=off -Icsrc tests/csrc/test_kernels.cc $kernels"
layers=${1:-1000}

x86=$([ "$(uname -m)" = x86_64 ] && echo yes || true)
# All at once: each compiler has one process. `wait` gives the exit status of each.
# shellcheck disable=SC2086
aarch64-linux-gnu-g++ $flags -static -o "$out/arm" & arm=$!
if [ "$x86" ]; then
    # shellcheck disable=SC2086
    g++ $flags -w -Wno-psabi -DBNN_EMULATE_AVX512 -o "$out/emulated" & emulated=$!
    # shellcheck disable=SC2086
    g++ $flags -g -fsanitize=address,undefined -fno-sanitize-recover=all -o "$out/native" & native=$!
fi
wait $arm
qemu-aarch64 "$out/arm" "$layers" neon
[ "$x86" ] || exit 0

wait $emulated
"$out/emulated" "$layers" avx512bw avx512vpopcntdq
wait $native
isas=
for isa in avx2 avx512bw avx512vpopcntdq; do
    flag=$(echo $isa | sed s/vpopcntdq/_vpopcntdq/)
    if grep -qw "$flag" /proc/cpuinfo; then isas="$isas $isa"; fi
done
# All at once: avx512bw alone has no kernel for pixels.
# shellcheck disable=SC2086
[ -z "$isas" ] || "$out/native" "$layers" $isas
