"""``python -m stgr`` is ``stgr``."""

import sys

from stgr.cli import main

if __name__ == '__main__':
    sys.exit(main())
