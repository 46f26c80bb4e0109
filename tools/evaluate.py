"""Score anybody's predictions; the same as ``stgr evaluate``."""

import sys

from stgr.cli import main

if __name__ == '__main__':
    sys.exit(main(['evaluate', *sys.argv[1:]]))
