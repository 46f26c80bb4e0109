"""Write model_zoo.md from page.md and the metafiles beside the configs.

python tools/model_zoo/make_page.py
python tools/model_zoo/make_page.py --check    # status 1 if the page is not up to date
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stgr.apis.model_zoo import read_zoo
from stgr.apis.model_zoo.page import make_page
from stgr.apis.user_errors import run_command
from stgr.io.atomic import write_atomically

_TEMPLATE = Path(__file__).with_name('page.md')
_PAGE = Path(__file__).resolve().parents[2] / 'model_zoo.md'


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the page and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--check', action='store_true', help='write nothing, only compare')
    args = parser.parse_args(argv)
    return run_command(_check if args.check else _write)


def _page() -> bytes:
    return make_page(read_zoo(), _TEMPLATE.read_text('utf-8')).encode()


def _write() -> None:
    write_atomically(_PAGE, _page())
    print(f'wrote {_PAGE}')


def _check() -> None:
    if _PAGE.read_bytes() != _page():
        raise ValueError(f'{_PAGE} is not up to date; run: python tools/model_zoo/make_page.py')


if __name__ == '__main__':
    sys.exit(main())
