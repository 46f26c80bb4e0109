"""What is wrong with an installation, and the one command that mends each thing."""

from stgr.apis.doctor.finding import Finding, run_checks, worst
from stgr.apis.doctor.folders import check_folders, check_hub, check_weights
from stgr.apis.doctor.machine import (
    check_clock,
    check_devices,
    check_open_files,
    check_shared_memory,
    check_threads,
)
from stgr.apis.doctor.packages import (
    check_mmcv,
    check_opencv,
    check_optional,
    check_python,
    check_required,
    check_stgr,
)
from stgr.apis.doctor.readers import check_readers

CHECKS = (
    ('python', check_python),
    ('stgr', check_stgr),
    ('required packages', check_required),
    ('optional packages', check_optional),
    ('opencv', check_opencv),
    ('mmcv', check_mmcv),
    ('video readers', check_readers),
    ('devices', check_devices),
    ('threads', check_threads),
    ('shared memory', check_shared_memory),
    ('open files', check_open_files),
    ('clock', check_clock),
    ('folders', check_folders),
    ('hub', check_hub),
    ('weights', check_weights),
)

__all__ = ['CHECKS', 'Finding', 'run_checks', 'worst']
