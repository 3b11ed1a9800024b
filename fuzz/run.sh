#!/usr/bin/env bash
# Feeds a reader with what a fuzzer finds, guided by coverage.
#
#     fuzz/run.sh TARGET [RUNS]          TARGET: scenario, checkpoint, trace or dataset; a million runs
#
# Needs a nightly Rust, a C++ compiler and `cargo install cargo-fuzz`. Building takes as long as a clean build of fleetune.
# A run that panics, takes more than 10 s or more than 1 GiB ends it; what did that is in fuzz/artifacts/TARGET. When the
# reader is mended, move it to fuzz/found/TARGET, where the tests read it again for ever.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1 runs=${2:-1000000}
corpus=fuzz/corpus/$target
mkdir -p "$corpus"
case $target in
    scenario) cp scenarios/*.yaml "$corpus" ;;
    trace) printf 'device,start,end,state\n0,0,3600,online\n0,1800,3600,charging\n1,120.5,9e4,wifi\n' > "$corpus/one" ;;
    dataset)
        for i in $(seq 40); do printf '{"text":"text %d","label":"%d"}\n' "$i" $((i % 3)); done | { printf '\0'; cat; } > "$corpus/json"
        for i in $(seq 40); do printf '"text, %d",%d\n' "$i" $((i % 2)); done | { printf '\1text,label\n'; cat; } > "$corpus/csv"
        ;;
    checkpoint)
        family=0
        for name in bert roberta opt llama; do
            file=0
            for part in config.json tokenizer.json model.safetensors; do
                { printf "\\x$family\\x$file"; cat "models/tests/golden/$name/$part"; } > "$corpus/$name-$part"
                file=$((file + 1))
            done
            family=$((family + 1))
        done
        ;;
    *) sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
if [ -d "fuzz/found/$target" ]; then cp "fuzz/found/$target"/* "$corpus"; fi
# Without a sanitizer of memory: fleetune has no unsafe code, and a run takes half the time.
cargo +nightly fuzz run --release --sanitizer none "$target" -- -runs="$runs" -timeout=10 -rss_limit_mb=1024 -max_len=300000 -print_final_stats=1
