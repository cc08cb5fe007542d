"""The standard library's HTTP server, without what it loads for others.

`http.server` can also send files and list folders, and `http.client`, which it
takes its headers from, also speaks https. What they import for that costs every
start 15 ms and every idle server 2.5 MiB, and nothing of ours calls it:

    http.server         html (and 2,231 entities), mimetypes,
      |                 shutil (and zlib, bz2, lzma)
      +-- http.client   ssl, email.parser
      +-- email.utils   calendar (and locale with its aliases)

So while `http.server` is loaded, a stand-in lies in the place of each. Asked
for a name, a stand-in imports the real module and hands the name out of it:
nothing is missing, it only comes later. Then the stand-ins leave `sys.modules`,
and `import ssl` means the real one for everybody else.

A program that embeds us may have threads, and one of them may be importing
these very modules. Then, and where they are loaded already, nothing is spared.
"""

import importlib
import sys
import threading
from types import ModuleType

SPARED = ("calendar", "email.parser", "html", "mimetypes", "shutil", "ssl")


class _Later(ModuleType):
    """A module that is imported when somebody first asks it for a name."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:  # asked while still standing in
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def load() -> None:
    """Import `http.server` and leave out what can wait."""
    if "http.server" in sys.modules or threading.active_count() > 1:
        return
    standing = {name: _Later(name) for name in SPARED if name not in sys.modules}
    sys.modules.update(standing)
    for name, module in standing.items():
        package, _, inside = name.rpartition(".")
        if package:  # where `email.parser` is looked up once it is imported
            setattr(importlib.import_module(package), inside, module)
    try:
        importlib.import_module("http.server")
    finally:
        for name, module in standing.items():
            if sys.modules[name] is module:
                del sys.modules[name]
