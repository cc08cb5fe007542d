"""authserver: registration, login and sessions in one process.

To run it: `python server.py`. To embed it:

    from authserver import Settings, create_app, serve

    app = create_app(Settings(port=0, database_url="sqlite:///accounts.db"))
    running = serve(app)
    print(running.url)
    running.stop()
"""

from authserver.runtime import Running, create_app, serve
from authserver.settings import VERSION, Settings, SettingsError

__all__ = ["Running", "Settings", "SettingsError", "create_app", "serve"]
__version__ = VERSION
