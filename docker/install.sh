#!/bin/sh
# Make a virtual environment with stgr as it was tested: what the Dockerfile runs, and the tests too.
#
#   docker/install.sh FOLDER
#
# TORCH_INDEX  package index of torch's wheels; empty: pip's own
# EXTRAS       extras of stgr, comma-separated (onnx,timm); empty: none
# PYTHON       interpreter (python3)
set -eu
target=$1
source=$(cd "$(dirname "$0")/.." && pwd)
pins=$source/requirements/tested.txt

"${PYTHON:-python3}" -m venv "$target"
# torch first: its wheels for CPU or CUDA differ only in where they come from.
"$target/bin/python" -m pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
    "$(grep '^torch==' "$pins")"
"$target/bin/python" -m pip install --no-cache-dir -c "$pins" "$source${EXTRAS:+[$EXTRAS]}"
"$target/bin/stgr" models verify
