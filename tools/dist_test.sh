#!/usr/bin/env bash
# Run tools/test.py in several processes of one machine, one per GPU (on a machine without, by gloo).
set -euo pipefail
if [ $# -lt 3 ] || ! [[ $3 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [options of tools/test.py]" >&2
    exit 2
fi
config=$1 checkpoint=$2 processes=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
exec "${PYTHON:-python}" -m torch.distributed.run --standalone --nproc-per-node "$processes" \
    "$here/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
