#!/usr/bin/env bash
# The build of OSS-Fuzz.
exec "$SRC/brink/fuzz/oss-fuzz/build.sh"
