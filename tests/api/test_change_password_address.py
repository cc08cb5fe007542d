"""GET /.well-known/change-password: where password managers look."""

import pytest


def test_it_leads_to_the_page_where_a_password_is_changed(client):
    answer = client.get("/.well-known/change-password")

    assert answer.status == 302
    assert answer.header("Location") == "https://auth.example.org/account#password"


@pytest.mark.parametrize(
    "app", [{"public_url": "https://a.example/sso"}], indirect=True
)
def test_neither_a_folder_nor_a_host_of_others_changes_where_it_leads(client):
    stranger = client.having(host="evil.example", x_forwarded_host="evil.example")

    answer = stranger.get("/.well-known/change-password?to=https://evil.example")

    assert answer.header("Location") == "https://a.example/sso/account#password"
