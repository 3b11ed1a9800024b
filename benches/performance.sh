#!/usr/bin/env bash
# Measures what docs/performance.md says and writes it. The machine should have nothing else to do; a quarter of an hour on
# two cores.
#
#     benches/performance.sh PYTHON MINILM
#
# PYTHON is the interpreter that benches/peers/install.sh prints, MINILM the directory of all-MiniLM-L6-v2
# (docs/models.md).
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath -s "$1") minilm=$(realpath "$2")
cargo build --release
page=$(mktemp)
step() { cargo bench --quiet -p fleetune-algorithms --bench step -- --peer "$python" "$@" 2> /dev/null; }
{
    cat << END
# How fast the learning is

Made by \`benches/performance.sh\`; what is compared, and why so, is in \`benches/README.md\`.

* processor: $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1), family $(sed -n 's/^cpu family[[:space:]]*: //p' /proc/cpuinfo | head -1), $(nproc) cores; vectors: $(grep -q avx512f /proc/cpuinfo && echo AVX-512 || echo AVX2)
* $(rustc --version | cut -d' ' -f1-2), $("$python" -c 'import torch; print("PyTorch", torch.__version__, "with", "MKL" if torch.backends.mkl.is_available() else "no MKL")')

## A step, on one thread

END
    step --model "$minilm" --rounds 31
    echo
    step --rounds 101
    cat << END

## Two cells on two cores

The same two cells of MeZO, every parameter training, evaluation and all, in one process on two threads and in two
processes of one thread each.

| model | one process, s | two processes, s | throughput of the one, median | least | most |
| --- | ---: | ---: | ---: | ---: | ---: |
END
    benches/cells.sh
    benches/cells.sh "$minilm"
    cat << END

## A federated loop

The quickstart's FedAvg (64 clients, 8 a round, four steps of AdamW each, the parameters sent and averaged, 1000 texts
evaluated at the beginning and the end), in fleetune and in Flower $("$python" -c 'import flwr; print(flwr.__version__)') with PyTorch, both with all processors: fleetune runs as
many such cells at once, Flower the clients of one. fleetune's seconds include its start and the simulated fleet, Flower's
neither its start nor its workers'.

| loop | fleetune, s | Flower, s | times as fast, median | least | most |
| --- | ---: | ---: | ---: | ---: | ---: |
END
    benches/flower.sh "$python"
} > "$page"
mv "$page" docs/performance.md
