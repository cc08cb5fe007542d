"""GET /readyz: the database answers as well."""


def test_server_is_ready(client):
    answer = client.get("/readyz")

    assert (answer.status, answer.payload) == (200, {"status": "ok"})


def test_server_without_its_database_is_not(app, client):
    app.database.close()

    answer = client.get("/readyz")

    assert (answer.status, answer.code) == (503, "unavailable")
    assert answer.header("Retry-After") == "2"
