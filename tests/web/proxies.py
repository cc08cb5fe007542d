"""nginx and HAProxy as README.md sets them up, in front of one of our servers.

Their configuration is the README's, word for word, but for addresses, TLS and
logs. What is added makes them share what they can: one worker or thread, and
connections to us that are shared by all clients from the first request on.
"""

import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import ports, processes

README = Path(__file__).parents[2] / "README.md"
# Debian keeps servers where not everybody's PATH looks.
PATH = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"
NGINX, HAPROXY = (shutil.which(name, path=PATH) for name in ("nginx", "haproxy"))
needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs nginx")
needs_haproxy = pytest.mark.skipif(HAPROXY is None, reason="needs haproxy")

NGINX_CONF = r"""
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 200; }}
http {{
    log_format rows escape=none "ROW\t$upstream_http_x_request_id\t$remote_addr\t"
        "$request_method\t$request_uri\t$server_protocol\t$upstream_addr\t$request";
    access_log {folder}/rows rows;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 256k;
    {buffering}
    {recommended}
}}
"""
HAPROXY_CONF = """
global
    nbthread 1
    log stdout format raw local0
{recommended}
    http-reuse always
"""
HAPROXY_FRONTEND = """bind 127.0.0.1:{port}
    log global
    capture response header X-Request-Id len 64
    log-format "ROW\t%[capture.res.hdr(0)]\t%ci\t%HM\t%HU\t%HV\t%s\t%{{+Q}}r"
"""


class Row(NamedTuple):
    """One request, as a proxy's log has it."""

    id: str  # of the answer that we gave, "" without one
    client: str  # an address
    method: str
    target: str
    version: str  # of the client's request; "" for HTTP/0.9
    forwarded: bool
    request: str  # for people


class Proxy(NamedTuple):
    """A running proxy, and once it has stopped, what it did."""

    port: int
    folder: Path

    def rows(self) -> list[Row]:
        """Return what the proxy's log says, in the order of its ends."""
        text = (self.folder / "rows").read_text(encoding="latin-1")
        return [_row(line) for line in text.splitlines() if line.startswith("ROW")]


@contextmanager
def nginx(
    folder: Path, backend: int, *, buffering: bool, port: int = 0, below: str = ""
) -> Iterator[Proxy]:
    """Run nginx until the block ends, for all of a site or what is `below`."""
    port = port or ports.free_port()
    text = recommended("nginx", backend)
    end = "/" if below else ""
    text = text.replace("location /", f"location {below}/")
    text = text.replace("pass http://authserver", f"pass http://authserver{end}")
    text = re.sub(r"(?m)^ *ssl_.*\n", "", text)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    switch = "" if buffering else "proxy_request_buffering off;"
    (folder / "conf").write_text(
        NGINX_CONF.format(folder=folder, buffering=switch, recommended=text)
    )
    command = [str(NGINX), "-p", str(folder), "-c", str(folder / "conf")]
    command += ["-e", str(folder / "error.log"), "-g", "daemon off;"]
    with _running(command, folder, "out", port, signal.SIGQUIT):
        yield Proxy(port, folder)


@contextmanager
def haproxy(folder: Path, backend: int) -> Iterator[Proxy]:
    """Run HAProxy until the block ends."""
    port = ports.free_port()
    text = recommended("haproxy", backend)
    text = re.sub("bind .*", lambda _: HAPROXY_FRONTEND.format(port=port), text)
    (folder / "conf").write_text(HAPROXY_CONF.format(recommended=text))
    command = [str(HAPROXY), "-db", "-f", str(folder / "conf")]
    with _running(command, folder, "rows", port, signal.SIGUSR1):
        yield Proxy(port, folder)


def recommended(language: str, backend: int) -> str:
    """Return what the README has in this language, with our port."""
    blocks = re.findall(rf"(?ms)^```{language}\n(.*?)^```", README.read_text("utf-8"))
    assert len(blocks) == 1
    assert "127.0.0.1:8080" in blocks[0]
    return str(blocks[0].replace("127.0.0.1:8080", f"127.0.0.1:{backend}"))


@contextmanager
def _running(
    command: list[str], folder: Path, log: str, port: int, stop: signal.Signals
) -> Iterator[None]:
    with (folder / log).open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder)

    def listening() -> bool:
        assert process.poll() is None, (folder / log).read_text()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    try:
        processes.wait_until(listening, f"{command[0]} to listen")
        yield
        process.send_signal(stop)  # gently: the last rows are to be written
        process.wait(processes.GIVE_UP_S)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def _row(line: str) -> Row:
    _, id_, client, method, target, version, forwarded, request = line.split("\t", 7)
    return Row(
        *(id_.strip("-"), client, method, _unescaped(target), version),
        forwarded=forwarded not in ("", "-", "<NOSRV>"),
        request=request,
    )


def _unescaped(target: str) -> str:
    # HAProxy logs what is not plain as #XX, and passes a whole URL on as it is.
    plain = re.sub("#([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), target)
    absolute = re.match(r"(?i)https?://[^/?]*(.*)", plain)
    return plain if absolute is None else absolute[1] or "/"
