"""The standard library, without what two of its modules load for others.

`http.server` can also send files and list folders, and `http.client`, which it
takes its headers from, also speaks https. `logging` can also word exceptions,
with the lines of source that they went through. What they import for that costs
every start 20 ms and every idle server 3 MiB, and little of it is ever called:

    logging             traceback (and linecache, tokenize, textwrap)
    http.server         html (and 2,231 entities), mimetypes,
      |                 shutil (and zlib, bz2, lzma)
      +-- http.client   ssl, email.parser
      +-- email.utils   calendar (and locale with its aliases)

So while one of the two is loaded, a stand-in lies in the place of each. Asked
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

SPARED = {
    "logging": ("traceback",),
    "http.server": ("calendar", "email.parser", "html", "mimetypes", "shutil", "ssl"),
}


class _Later(ModuleType):
    """A module that is imported when somebody first asks it for a name."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:  # asked while still standing in
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def load(module: str) -> None:
    """Import one of `SPARED` and leave out what can wait."""
    if module in sys.modules or threading.active_count() > 1:
        return
    spared = SPARED[module]
    standing = {name: _Later(name) for name in spared if name not in sys.modules}
    sys.modules.update(standing)
    for name, stand_in in standing.items():
        package, _, inside = name.rpartition(".")
        if package:  # where `email.parser` is looked up once it is imported
            setattr(importlib.import_module(package), inside, stand_in)
    try:
        importlib.import_module(module)
    finally:
        for name, stand_in in standing.items():
            if sys.modules[name] is stand_in:
                del sys.modules[name]
