#!/usr/bin/env bash
# Run tools/train.py as a Slurm job, one process per GPU, queued again until training has ended.
#
#   sbatch --nodes 2 --gpus-per-node 4 --ntasks-per-node 4 tools/slurm_train.sh CONFIG [options]
#
# Slurm's own options go before the script's name and win over the lines below. A job that is
# preempted, or whose time is nearly up, saves and ends with status 75 (see docs/training.md); it is
# then queued again under the same number and goes on by --resume.
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=USR1@300
set -uo pipefail
if [ $# -lt 1 ]; then
    echo "usage: sbatch [Slurm's options] $0 CONFIG [options of tools/train.py]" >&2
    exit 2
fi
MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_ADDR MASTER_PORT=${MASTER_PORT:-$((20000 + SLURM_JOB_ID % 20000))}
cd "${SLURM_SUBMIT_DIR:-.}" || exit 1

# Without --wait the other processes would wait half an hour for one that was killed.
srun --kill-on-bad-exit=0 --wait=600 "${PYTHON:-python}" tools/train.py "$@" --launcher slurm --resume
status=$?
# Only a job that still runs: one that was cancelled stays so, one preempted is queued by Slurm.
if [ "$status" -eq 75 ] && [ "$(squeue -h -j "$SLURM_JOB_ID" -o %T)" = RUNNING ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
