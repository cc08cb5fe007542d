"""The operator's own looks: one style sheet and one logo, read at the start.

    SITE_STYLE=/etc/authserver/shop.css     :root { --accent: light-dark(...); }
    SITE_LOGO=/etc/authserver/shop.svg      or a PNG

They are looked at when the server starts, so that a mistake is seen then, and
kept in memory, so that a file which is changed or lost meanwhile spoils no
page. What they are is told by what is in them, not by their names.

Both come from who runs the server, and still the policy of pages holds for
them: a style loads nothing from elsewhere, and a picture runs no script.
"""

import os
import stat
from pathlib import Path

from authserver import setting_sources
from authserver.settings import Settings, SettingsError

STYLE = "site.css"  # as pages know it
MAX_BYTES = 256 * 1024  # far more than anybody wants to wait for at a log-in
_PNG = b"\x89PNG\r\n\x1a\n"


def read(settings: Settings) -> dict[str, bytes]:
    """Return the operator's files by the names that pages know them by.

    Raises `SettingsError`.
    """
    files = {}
    if settings.site_style:
        files[STYLE] = _style(settings.site_style)
    if settings.site_logo:
        content = _content("site_logo", settings.site_logo)
        files[f"logo{_kind(content, settings.site_logo)}"] = content
    return files


def _style(path: str) -> bytes:
    content = _content("site_style", path)
    if not _is_text(content):
        raise SettingsError("site_style", f"names {path}, which is not UTF-8 text.")
    return content


def _kind(content: bytes, path: str) -> str:
    if content.startswith(_PNG):
        return ".png"
    if _is_text(content) and b"<svg" in content:
        return ".svg"
    raise SettingsError("site_logo", f"names {path}, which is neither SVG nor PNG.")


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _content(name: str, path: str) -> bytes:
    try:
        with open(Path(path), "rb", opener=setting_sources.open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SettingsError(name, f"names {path}, which is no regular file.")
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            name, f"names {path}, which cannot be read: {error.strerror}."
        ) from error
    if len(content) > MAX_BYTES:
        raise SettingsError(name, f"names {path}, which is larger than 256 KiB.")
    return content
