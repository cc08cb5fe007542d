"""Start the authentication server: `python server.py`, or with --help."""

import gc
import sys

gc.disable()  # loading modules leaves no garbage; `cli` or `serve` turns it on

try:
    from authserver import cli
except KeyboardInterrupt:  # Ctrl-C so soon: as `cli` would end for it
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(cli.main())
