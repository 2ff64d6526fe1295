#!/usr/bin/env bash
# Copyright the brink maintainers.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# Builds every target into $OUT with its options, dictionary and seeds. OSS-Fuzz and ClusterFuzzLite
# run it with $SRC, $OUT and $SANITIZER set; .ci/fuzz with a temporary $OUT.
set -euo pipefail
cd "${BRINK:-$SRC/brink}"
: "${OUT:?the folder to build into}"
HOST=x86_64-unknown-linux-gnu

# Seeds are recipes; a build of this very version turns them into bytes. The flags of fuzzers are not
# for it.
if [ -z "${BRINK_EXE:-}" ]; then
    RUSTFLAGS='' CFLAGS='' CXXFLAGS='' cargo build --release --locked
    BRINK_EXE=target/release/brink
fi

# Lines are all that traces need; whole debug information makes targets of half a gigabyte.
export RUSTFLAGS=${RUSTFLAGS:--Cdebuginfo=line-tables-only}

# For coverage, the base image's cargo makes another build of this command.
case ${SANITIZER:-address} in
address | coverage)
    # Steps are those of recipes and modules, which take nothing from the values that code compares. Some
    # of Cranelift's checks of ranges are debug assertions: without them it miscompiles in silence.
    cargo ${FUZZ_TOOLCHAIN:+"+$FUZZ_TOOLCHAIN"} fuzz build -O \
        ${FUZZ_ASSERTIONS---debug-assertions} --strip-dead-code --no-trace-compares \
        ${FUZZ_TARGET_DIR:+--target-dir "$FUZZ_TARGET_DIR"}
    ;;
*)
    echo "build.sh: there is no build with the sanitizer $SANITIZER" >&2
    exit 1
    ;;
esac

built=${FUZZ_TARGET_DIR:-target}/$HOST/release
while read -r target seeds; do
    case $target in '' | '#'*) continue ;; esac
    cp "$built/$target" "$OUT/$target"
    cp fuzz/oss-fuzz/brink.options "$OUT/$target.options"
    # Code that is run leaves pointers to the stack of who called it.
    if [ "$target" = brink_edge ]; then sed -i /detect_stack_use_after_return/d "$OUT/$target.options"; fi
    cp corpus/seeds/limits.dict "$OUT/$target.dict"
    form=()
    if [ "$target" = brink_raw_module ]; then form=(--modules); fi
    "$BRINK_EXE" corpus export "corpus/seeds/$seeds" "${form[@]}" \
        --output "$OUT/${target}_seed_corpus.zip"
done <fuzz/oss-fuzz/targets.txt
