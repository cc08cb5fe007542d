"""Our server, but with a commit, and so a sync, for each transaction."""

import sys

from authserver import cli
from authserver.store import waiting

if __name__ == "__main__":
    waiting.MAX_GROUP = 1  # how many that wait the writer takes at once
    sys.exit(cli.main([]))
