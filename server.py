"""Start the authentication server: `python server.py`, or with --help."""

import sys

from authserver import cli

if __name__ == "__main__":
    sys.exit(cli.main())
