"""`python -m authserver` does what `python server.py` does."""

import sys

from authserver import cli

if __name__ == "__main__":
    sys.exit(cli.main())
