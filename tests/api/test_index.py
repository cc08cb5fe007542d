"""GET /: what this is."""

from authserver.settings import VERSION


def test_server_says_its_name(client):
    answer = client.get("/")

    assert answer.status == 200
    assert answer.payload == {"status": "ok", "name": "authserver", "version": VERSION}
