"""A socket that listens, made before there is a server.

What accepts from it may be this process or several others. It knows no HTTP, so
that the parent of several workers (`workers`) can bind the port and stay small.
"""

import socket

from authserver.settings import Settings, SettingsError

BACKLOG = 1024  # connections that wait to be accepted; the usual 5 lose a crowd


def listen(settings: Settings) -> socket.socket:
    """Bind HOST and PORT and listen; raises `SettingsError`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        # A port whose last server has just ended has connections that linger.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        take_both_families(listener)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except (OSError, UnicodeError) as error:
        listener.close()
        raise refused(settings, error) from error
    return listener


def take_both_families(listener: socket.socket) -> None:
    """Let "::" mean every address of the machine, also those of IPv4."""
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


def refused(settings: Settings, error: Exception) -> SettingsError:
    """Word why HOST and PORT cannot be opened."""
    # A UnicodeError is about a host that is no name at all.
    reason = getattr(error, "strerror", None) or error
    return SettingsError(
        "port", f"{settings.port} on HOST {settings.host} cannot be opened: {reason}."
    )
