"""GET /healthz: the process answers, whatever the database does."""


def test_process_answers_without_its_database(app, client):
    app.database.close()

    answer = client.get("/healthz")

    assert (answer.status, answer.payload) == (200, {"status": "ok"})
