# Recipes for the loop between edits. `.ci/run` is everything that has to pass.

# Format, lints, documentation, and the direction of dependencies
check:
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace --no-deps
    node .ci/layers.mjs

# Tests without real proofs of whole polls
test-fast:
    cargo test --release -p maci-nova-protocol -p maci-nova-files -p maci-nova-chain -p maci-nova-contracts -p maci-nova-node
    cargo test --release -p maci-nova-sdk --lib
    cargo test --release -p maci-nova --lib

# Tests without real proofs, of every crate, by cargo-nextest
nextest *arguments:
    cargo nextest run --release --workspace {{ arguments }}

# All tests
test:
    cargo test --release --workspace

# Compile the contracts and write their gas
gas:
    cd contracts && npm ci --no-audit --no-fund && node build.mjs
    MACI_NOVA_WRITE_GAS=1 cargo test --release -p maci-nova-contracts

# Licences, advisories and sources of dependencies (needs cargo-deny, and a network)
deny:
    cargo deny check

# The page for voters: WASM, the kit, the site, and voters in a browser
web:
    .ci/wasm
    .ci/web

# The tests that take minutes each, and every forgery of which `.ci/run` takes a sample
slow:
    .ci/slow

# Install the node that tests use
node:
    cd tests/node && npm ci --no-audit --no-fund

# How much faster two workers prove 400 messages than one (needs nats-server)
workers *arguments:
    cargo build --release --workspace --bins
    target/release/workers {{ arguments }}

# Folding beside fixed batches, in a few minutes; `just bench DIR --full` takes two hours
bench out="bench-results" *arguments="--quick":
    cargo run --release -- bench --out {{ out }} {{ arguments }}

# Make the pages that are made of results
docs:
    cargo run --release -- bench --from bench/data --write-docs docs

# Every fuzz target for so many seconds (needs `cargo install cargo-fuzz`)
fuzz seconds="30" *targets:
    fuzz/nightly {{ seconds }} {{ targets }}


# Hold a ceremony for small polls, and run a poll in production with its keys (a quarter of an hour; needs the node)
ceremony:
    .ci/ceremony

# Look at the service's page in a browser; pictures stay in target/page (needs the node)
page:
    cargo build --release
    .ci/page

# Kill the program at random moments, in every scene or in those named (needs the node)
kill kills="100" *arguments:
    cargo build --release -p maci-nova -p maci-nova-tests --bins
    target/release/kill --kills {{ kills }} {{ arguments }}

# Serve a poll of 60 voters by way of a bad node, and kill the service so often (a quarter of an hour; needs the node)
serve kills="100" *arguments:
    cargo build --release -p maci-nova -p maci-nova-tests --bins
    target/release/serve --kills {{ kills }} {{ arguments }}

# Ask a relayer 500 times a second for so many seconds (needs the node)
load seconds="20":
    cargo build --release -p maci-nova -p maci-nova-tests --bins
    target/release/load --seconds {{ seconds }}

# Answer the program wrongly at random moments, each command or those named (needs the node)
faults trials="50" *arguments:
    cargo build --release -p maci-nova -p maci-nova-tests --bins
    target/release/faults --trials {{ trials }} {{ arguments }}

# Change the calldata of all entry points so many times as often as the tests do (500: two million)
calldata factor="500":
    MACI_NOVA_FUZZ_FACTOR={{ factor }} cargo test --release -p maci-nova-contracts --test it -- fuzz::
