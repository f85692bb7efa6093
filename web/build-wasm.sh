#!/usr/bin/env bash
# Compiles the SDK to WASM, with the JavaScript around it, into kit/wasm.
#
# Where the toolchain lacks the target and cannot fetch it, Debian's rustc-web and its sources make one:
# unpacked into a temporary folder, nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
target=wasm32-unknown-unknown
into=${CARGO_TARGET_DIR:-target}/wasm
build=(cargo build --locked --profile web --package maci-nova-wasm --target "$target" --target-dir "$into")

# Compiles the program that writes the JavaScript, while the module is not there yet.
CARGO_TARGET_DIR="$into/bindgen" cargo build --locked --release --manifest-path web/bindgen/Cargo.toml

# shellcheck source=../.ci/wasm-toolchain
. .ci/wasm-toolchain
"${build[@]}" "${wasm_options[@]}"
rm -rf web/kit/wasm
"$into/bindgen/release/maci-nova-bindgen" "$into/$target/web/maci_nova_wasm.wasm" web/kit/wasm
bytes=$(wc -c < web/kit/wasm/maci_nova_bg.wasm)
echo "web/kit/wasm has the module, of $bytes bytes"
# What a page loads before it can do anything: a bound, so that it does not grow unseen.
[ "$bytes" -lt 3000000 ] || { echo 'the module is larger than 3 MB' >&2; exit 1; }
