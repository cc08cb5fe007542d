"""A start loads what it needs, and whoever needs the rest gets it later.

Each test has a process of its own: in this one everything is loaded.
"""

import signal
import subprocess
import sys

import pytest

from authserver import standard
from tests.processes import ROOT, SERVER, ServerProcess, environment

NEEDLESS = {
    # What the standard library's server and client can do beside.
    *(
        "bz2",
        "calendar",
        "email.parser",
        "html",
        "locale",
        "lzma",
        "mimetypes",
        "shutil",
        "ssl",
        "textwrap",
        "tokenize",
        "traceback",
    ),
    # What other settings need: MySQL, mail, text messages, Argon2.
    *("argon2", "bcrypt", "dotenv", "mysql", "requests", "smtplib", "twilio"),
    *("authserver.delivery.smtp", "authserver.delivery.twilio", "email.mime"),
    # What commands need.
    *("argparse", "authserver.checks", "csv", "gettext"),
    # What is convenient and large.
    *("asyncio", "dataclasses", "decimal", "inspect", "tempfile", "uuid"),
    *("multiprocessing", "concurrent.futures.thread", "urllib.request", "zoneinfo"),
}


# Serves as `python server.py` does; at its end it tells what it has loaded.
TELLING = f"""
import atexit, sys
atexit.register(lambda: print("loaded", *sys.modules, file=sys.stderr))
sys.path.insert(0, {str(ROOT)!r})
exec(open({SERVER!r}).read())
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment({}),  # measured, it would load what measures it
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_start_and_its_first_answer_load_nothing_for_others(tmp_path):
    server = ServerProcess(tmp_path, command=(sys.executable, "-c", TELLING)).start()

    server.ask("GET", "/")
    server.signal(signal.SIGTERM)
    server.wait()

    word, *loaded = server.log().splitlines()[-1].split()
    assert (word, "http.server" in loaded) == ("loaded", True)
    assert NEEDLESS & set(loaded) == set()


def test_no_annotation_is_compiled_at_the_start():
    # The first string that becomes a type ("Future[Any]" in a NamedTuple) makes
    # Python build the classes of its syntax tree: 1 ms and 400 KiB.
    done = run(
        "import typing\n"
        "class Refused:\n"
        "    def __init__(self, text, **_):\n"
        "        raise AssertionError(text)\n"
        "typing.ForwardRef = Refused\n"
        "import authserver.cli, authserver.commands.serve, authserver.store.sqlite\n"
        "print('loaded')"
    )

    assert done.stdout == "loaded\n", done.stderr


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("ssl", "http.client.HTTPSConnection('localhost')"),
        ("email.parser", "http.client.parse_headers(io.BytesIO(b'A: b'))"),
        ("html", "http.server.html.escape('<')"),
        ("shutil", "http.server.shutil.copyfileobj"),
        ("mimetypes", "http.server.mimetypes.guess_type('a.html')"),
        ("traceback", "logging.exception('it failed')"),
        ("calendar", "email.utils.mktime_tz((2026, 1, 1, 0, 0, 0, 0, 0, 0, 0))"),
    ],
)
def test_what_was_spared_comes_when_it_is_used(name, use):
    done = run(
        "import io, sys, authserver.web\n"
        "import email.utils, http.client, http.server, logging\n"
        f"before = {name!r} in sys.modules\n"
        f"{use}\n"
        f"print(before, {name!r} in sys.modules)"
    )

    assert done.stdout == "False True\n", done.stderr


def test_everybody_else_gets_the_real_module():
    done = run(
        "import authserver.web, ssl, http.client\n"
        "assert http.client.ssl is not ssl\n"
        "print(type(ssl).__name__, http.client.ssl.SSLError is ssl.SSLError)"
    )

    assert done.stdout == "module True\n", done.stderr


def test_beside_other_threads_nothing_is_spared():
    done = run(
        "import sys, threading\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "import authserver.runtime\n"
        "print('ssl' in sys.modules)"
    )

    assert done.stdout == "True\n", done.stderr


def test_asked_while_it_stands_in_a_stand_in_gives_way(monkeypatch):
    standing = standard._Later("calendar")
    monkeypatch.setitem(sys.modules, "calendar", standing)

    timegm = standing.timegm

    assert sys.modules["calendar"] is not standing
    assert timegm is sys.modules["calendar"].timegm
