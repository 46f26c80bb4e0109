"""Find actions in videos; the same as ``stgr ground``."""

import sys

from stgr.cli import main

if __name__ == '__main__':
    sys.exit(main(['ground', *sys.argv[1:]]))
