#!/usr/bin/env bash
# Checks the widths of large modules from public packages, which are not kept here: about 300 MB of
# machine code, half an hour, up to 8 GiB of memory. Needs npm, and `brink` on the path.
#
#     tests/real-modules.sh [FOLDER [OPTION]...]     where packages go, they are fetched once; and options of
#                                                    `brink width`, such as -b x86_64
set -euo pipefail
for program in brink npm sha256sum; do
    command -v "$program" >/dev/null || { echo "real-modules.sh: $program is not on the path" >&2; exit 1; }
done
folder=${1:-$(mktemp -d)}
[ "$#" = 0 ] || shift
mkdir -p "$folder"
cd "$folder"

# SHA-256 of the package, its name and version, the module in it.
modules='
907d841a8a1fe051f702005d84989909ceb6f9398d3da8c6aeeb85a710808054 esbuild-wasm@0.25.0 esbuild.wasm
d00089ce82e1bdf637ddbe42e0c3d41a1ba8cf4c9e825e7fa4d0bb970e844bd4 @ffmpeg/core@0.12.10 dist/esm/ffmpeg-core.wasm
07aa4e9a92632eba4898df1e09c9b91456e3c0c6e0ac8d44375979f2375e4cca @myriaddreamin/typst-ts-web-compiler@0.7.0 pkg/typst_ts_web_compiler_bg.wasm
0a38facf0672dfaaeaf352e8a9f44533732b60b4af93b9dd507fe7c2d2be437b onnxruntime-web@1.20.1 dist/ort-wasm-simd-threaded.wasm
0a38facf0672dfaaeaf352e8a9f44533732b60b4af93b9dd507fe7c2d2be437b onnxruntime-web@1.20.1 dist/ort-wasm-simd-threaded.jsep.wasm
da997c27b374616c811a0e6bb1b3bca65588fff94cd45cc4273f9df3bf4dcd9f @sqlite.org/sqlite-wasm@3.49.1-build2 sqlite-wasm/jswasm/sqlite3.wasm
'
status=0
while read -r checksum package module; do
    [ -n "$checksum" ] || continue
    place=package-${package//[@\/]/-}
    if ! [ -d "$place" ]; then
        archive=$(npm pack --silent "$package")
        echo "$checksum  $archive" | sha256sum --check --quiet
        mkdir "$place.new"
        tar -xzf "$archive" -C "$place.new" --strip-components 1
        mv "$place.new" "$place"
        rm "$archive"
    fi
    echo "== $package $module"
    brink width "$place/$module" "$@" || status=$?
done <<<"$modules"
exit "$status"
