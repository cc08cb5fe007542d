"""GET /metrics: figures, for whoever has METRICS_TOKEN."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from authserver.flows import figures
from authserver.web.connections import WATCHING
from authserver.web.dispatch import Site
from authserver.web.messages import Request
from tests.conftest import PASSWORD

TOKEN = "0123456789abcdef.~+/-_="
REGISTRATION = {
    "username": "alice",
    "email": "alice@example.org",
    "password": PASSWORD,
}

pytestmark = pytest.mark.parametrize("app", [{"metrics_token": TOKEN}], indirect=True)


@pytest.fixture
def scrape(client):
    """Return what asks for the figures and reads them, by name and labels."""

    def scrape():
        request = Request(
            "GET", "/metrics", "", bearing(TOKEN), b"", "192.0.2.9", "5f0c"
        )
        response = client.site.respond(request)
        assert response.status == 200
        families = text_string_to_metric_families(response.body.decode())
        samples = [sample for each in families for sample in each.samples]
        return {(each.name, *each.labels.values()): each.value for each in samples}

    return scrape


def bearing(token):
    return {"authorization": f"Bearer {token}"}


def test_bearer_of_the_token_gets_the_text_format(client, app):
    request = Request("GET", "/metrics", "", bearing(TOKEN), b"", "192.0.2.9", "5f0c")

    response = client.site.respond(request)

    assert response.status == 200
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert response.body.startswith(b"# HELP authserver_")
    assert client.bearer(TOKEN).get("/metrics").status == 200  # as documented


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Bearer {TOKEN.upper()}"},
        {"authorization": "Bearer \u00e9\udc80"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"cookie": f"metrics={TOKEN}"},
    ],
)
def test_to_everybody_else_it_is_an_unknown_path(client, headers):
    answer = client.having(**headers).get("/metrics")
    unknown = client.having(**headers).get("/no-such-path")

    assert answer.public() == unknown.public()
    assert answer.status == 404


def test_session_of_a_person_opens_nothing(client, join):
    person = join("bob")
    login = client.post("/auth/login", email=person.email, password=PASSWORD)

    answer = client.bearer(login.payload["access_token"]).get("/metrics")

    assert answer.status == 404


def test_what_was_done_can_be_seen(client, scrape, mailbox):
    client.post("/auth/register", **REGISTRATION)
    queued = scrape()
    mailbox.fetch()
    client.get("/nowhere")
    sent = scrape()

    assert queued[("authserver_outbox_messages", "queued")] == 1
    assert sent[("authserver_outbox_messages", "queued")] == 0
    assert sent[("authserver_deliveries_total", "email", "sent")] == 1
    assert sent[("authserver_refusals_total", "not_found")] == 1
    assert sent[("authserver_hashing_jobs_total",)] == 1
    assert sent[("authserver_hashing_queue", "running")] == 0
    assert sent[("authserver_up", "database")] == 1
    made = "authserver_database_transactions_total"
    assert sent[(made,)] > queued[(made,)] > 0


def test_what_was_noted_a_moment_ago_is_in_it(app, scrape):
    app.access.note((0.0, "::1", "GET", "/login", "/auth/login", 200, 1, 0.02, "0"))

    found = scrape()

    requests = "authserver_http_requests_total"
    assert found[(requests, "/auth/login", "GET", "200")] == 1
    durations = "authserver_http_request_duration_seconds"
    assert found[(f"{durations}_sum", "/auth/login")] == 0.02


def test_without_its_database_it_answers_all_the_same(app, scrape):
    app.database.close()

    found = scrape()

    assert found[("authserver_up", "database")] == 0
    assert found[("authserver_database_errors_total",)] == 1
    assert ("authserver_outbox_messages", "queued") not in found


def test_figures_are_each_there_once(app):
    names = [family.declared.name for family in figures.gather(app)]

    assert len(names) == len(set(names))


def test_figures_do_not_wait_for_who_waits_for_the_database(app):
    request = Request("GET", "/metrics", "", {}, b"", "192.0.2.1", "id")

    assert Site(app).manner(request) == WATCHING
