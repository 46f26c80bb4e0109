#!/usr/bin/env bash
# Run tools/train.py in several processes of one machine, one per GPU (on a machine without, by gloo).
set -euo pipefail
if [ $# -lt 2 ] || ! [[ $2 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 CONFIG GPUS [options of tools/train.py]" >&2
    exit 2
fi
config=$1 processes=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
exec "${PYTHON:-python}" -m torch.distributed.run --standalone --nproc-per-node "$processes" \
    "$here/train.py" "$config" --launcher pytorch "$@"
