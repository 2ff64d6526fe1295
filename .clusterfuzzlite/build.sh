#!/usr/bin/env bash
# The build of OSS-Fuzz, without the targets whose findings are security-sensitive: what runs in a public
# repository, anybody reads.
set -euo pipefail
sed -i '/^brink_load_width /d; /^brink_edge /d' "$SRC/brink/fuzz/oss-fuzz/targets.txt"
exec "$SRC/brink/fuzz/oss-fuzz/build.sh"
