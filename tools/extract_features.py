"""Store the features of a config's videos; the same as ``stgr extract``."""

import sys

from stgr.cli import main

if __name__ == '__main__':
    sys.exit(main(['extract', *sys.argv[1:]]))
