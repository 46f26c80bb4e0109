"""The Ray cluster to work on: the one that is there, or this machine for as long as needed."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_QUIET = {
    'RAY_USAGE_STATS_ENABLED': '0',  # nothing is sent anywhere
    'RAY_BACKEND_LOG_LEVEL': 'fatal',  # what goes wrong comes as an exception too
}


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Yield the module ``ray``, connected to a cluster; let go of it at the end.

    A connection that this process has already is used and kept; then the cluster that
    ``RAY_ADDRESS`` names, then the one that ``ray start`` has started on this machine. Without any,
    Ray is started on this machine and stopped at the end.

    Raises:
        ImportError: If Ray Data is not installed.
        ConnectionError: If the cluster of ``RAY_ADDRESS`` cannot be reached.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    ray.init(include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    try:
        yield ray
    finally:
        ray.shutdown()


def import_ray() -> Any:
    """Return the module ``ray``, with ``ray.data``.

    Raises:
        ImportError: If one of them is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(
            f"--launcher ray needs Ray Data ({error}); install it with: pip install 'stgr[ray]'"
        ) from error
    logging.getLogger('ray.data').setLevel(logging.ERROR)  # it logs the plan of each run
    return ray
