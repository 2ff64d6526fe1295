#!/usr/bin/env bash
# How many inputs a second brink_compile_x64 tries beside a target that compiles modules of wasm-smith of
# about the same size with the same engine, one after the other, under AddressSanitizer, what these expand
# to, how much work that is, and how many edges of the compiler are covered. Needs the nightly
# toolchain and cargo-fuzz.
#   fuzz/compare-speed.sh [SECONDS]    each fuzzes for so many seconds (default 60)
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

RUSTFLAGS='' cargo build --release --locked
export RUSTFLAGS=${RUSTFLAGS:--Cdebuginfo=line-tables-only}
for target in brink_compile_x64 brink_baseline_smith; do
    cargo "+${FUZZ_TOOLCHAIN:-nightly}" fuzz build -O --debug-assertions --strip-dead-code \
        --no-trace-compares \
        --target-dir fuzz/target --features baseline "$target"
done

target/release/brink corpus export corpus/seeds/recipes -o "$place/brink_compile_x64"
# So many bytes of chance make modules of about the size that recipes expand to, some 300 bytes on
# average, nearly all of it types; the lines below say it of both.
mkdir "$place/brink_baseline_smith"
python3 - "$place/brink_baseline_smith" <<'PY'
import pathlib, random, sys
chance = random.Random(0)
for name in range(90):
    (pathlib.Path(sys.argv[1]) / str(name)).write_bytes(chance.randbytes(40))
PY

mapfile -t limits < <(fuzz/settings libfuzzer | sed 's/^/-/')
ASAN_OPTIONS=$(fuzz/settings asan | paste -sd:)
export ASAN_OPTIONS BRINK_FUZZ_STATS=1
for target in brink_compile_x64 brink_baseline_smith; do
    mkdir "$place/corpus"
    "fuzz/target/x86_64-unknown-linux-gnu/release/$target" -seed=1 -max_total_time="$seconds" \
        -len_control=0 -artifact_prefix="$place/" "${limits[@]}" "$place/corpus" "$place/$target" \
        >"$place/log" 2>&1 || { tail -n 20 "$place/log"; exit 1; }
    echo "$target: $(grep '^Done' "$place/log"); of them $(
        grep -Po '^brink: \K.*' "$place/log" | tail -n 1), $(
        grep -Po 'DONE +cov: \K[0-9]+' "$place/log") edges"
    rm -r "$place/corpus"
done
