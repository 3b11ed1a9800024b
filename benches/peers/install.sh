#!/usr/bin/env bash
# Installs what fleetune is measured against into a virtual environment; prints the interpreter to be given to the benches.
#
#     benches/peers/install.sh [DIRECTORY]
set -euo pipefail
directory=${1:-benches/peers/venv}
python3 -m venv "$directory"
"$directory/bin/pip" install --quiet torch transformers safetensors numpy "flwr[simulation]" >&2
echo "$directory/bin/python"
