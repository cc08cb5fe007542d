"""Start the authentication server: `python server.py`, or with --help."""

import gc
import sys

gc.disable()  # loading modules leaves no garbage; `cli` or `serve` turns it on

from authserver import cli  # noqa: E402 - that is what it is turned off for

if __name__ == "__main__":
    sys.exit(cli.main())
