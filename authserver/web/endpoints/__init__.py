"""One function per route: from a checked request to a flow and back.

    accounts      register, look, change contacts
    documents     the description of the API
    passwords     check, change, forget
    sessions      log in, refresh, log out
    status        health, metrics, explanations
    undelivered   the console's messages
    verification  send codes, take them

Below these modules is half of the program, and who starts a server waits for it
to answer. So the route table has a stand-in for each (`Later`): a module is
loaded when one of its functions is first called. A server calls `load` soon
after: what lies here may be of another version tomorrow.
"""

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

MODULES: Final = (
    "accounts",
    "documents",
    "passwords",
    "sessions",
    "status",
    "undelivered",
    "verification",
)


class Later:
    """Stands for a module of this package: its functions are its attributes."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> "Endpoint":
        return Endpoint(self._module, name)


class Endpoint:
    """Stands for a function of a module that may not be loaded yet."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    @functools.cached_property
    def __wrapped__(self) -> Callable[..., Any]:
        """The function itself; `inspect.unwrap` looks here."""
        function: Callable[..., Any] = getattr(_load(self._module), self._name)
        return function

    def __call__(self, *arguments: object) -> Any:  # noqa: ANN401 - as the function
        """Call the function."""
        return self.__wrapped__(*arguments)


def load() -> None:
    """Load all modules that have not been yet."""
    for name in MODULES:
        _load(name)


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")
