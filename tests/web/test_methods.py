"""Methods: what OPTIONS, HEAD and 405 say; and paths are taken literally."""

import pytest


@pytest.fixture
def client(api):
    return api


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/auth/login", "OPTIONS, POST"),
        ("/protected", "GET, HEAD, OPTIONS, POST"),
        ("/sessions", "DELETE, GET, HEAD, OPTIONS"),
        ("/sessions/some", "DELETE, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
    ],
)
def test_wrong_method_learns_the_right_ones(client, path, allow):
    refused, asked = client.send("PATCH", path), client.send("OPTIONS", path)

    assert (refused.status, refused.header("Allow")) == (405, allow)
    assert (asked.status, asked.header("Allow"), asked.payload) == (204, allow, {})


def test_options_of_the_whole_server_names_all_methods(wire):
    answer = wire.request("OPTIONS", "*")

    assert answer.status == 204
    assert answer.header("Allow") == "DELETE, GET, HEAD, OPTIONS, POST"


def test_options_of_nothing_is_nothing(client):
    assert client.send("OPTIONS", "/nowhere").status == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/auth/me", "/problems/not_found"])
def test_head_is_get_without_the_body(wire, path):
    length = wire.request("GET", path).header("Content-Length")
    received = wire.send(
        f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )

    assert f"\r\nContent-Length: {length}\r\n".encode() in received
    assert received.endswith(b"\r\n\r\n")


def test_head_of_what_only_post_knows_is_refused(client):
    assert client.send("HEAD", "/auth/login").code == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    ["//login", "/login/", "/LOGIN", "/./login", "/login%2f", "/%6cogin", "/sessions/"],
)
def test_only_the_path_as_written_is_the_path(client, path):
    assert client.send("POST", path, b"{}").code == "not_found"
