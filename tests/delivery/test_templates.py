"""TEMPLATES_DIR: the operator's files take the place of ours, one by one."""

import logging
import os

import pytest

from authserver import texts
from authserver.delivery import templates, wording
from authserver.delivery.templates import Templates
from authserver.settings import SettingsError

from .test_wording import MESSAGE, NOW, SECRETS, URL

OWN = "Subject: $site greets $username\n\nHere you are: $code\n"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "words"
    made.mkdir()
    return made


def compose(folder, language="en"):
    return wording.compose(
        MESSAGE._replace(language=language),
        Templates(str(folder)),
        public_url=URL,
        secrets=SECRETS,
        now=NOW,
    )


each_language = pytest.mark.parametrize("language", texts.languages())


@each_language
def test_there_are_words_for_every_kind_and_no_other(language):
    assert set(texts.load(language)["mail"]) == {*templates.KINDS, "words"}


@each_language
def test_our_own_words_pass_the_check_themselves(folder, language):
    ours = Templates()
    for name in templates.NAMES:
        (folder / name).write_text(ours.find(name, language).template)

    templates.check(str(folder))

    assert compose(folder, language) == compose("", language)


def test_file_of_the_same_name_overrides_ours_and_no_other(folder):
    (folder / "verify_code.txt").write_text(OWN)

    letter = compose(folder)

    assert letter.subject == "auth.example.org greets alice"
    assert letter.text == "Here you are: 492039\n"
    assert compose(folder).text != compose("").text


def test_html_is_made_of_the_operators_own_plain_text(folder):
    (folder / "verify_code.txt").write_text(f"{OWN}\n$link\n\n- <one>\n- ${{code}}\n")

    html = compose(folder).html

    assert "<p>Here you are: 492039</p>" in html
    assert ">Confirm this address</a>" in html
    assert "<p>- &lt;one&gt;<br>\n- 492039</p>" in html


def test_html_of_the_operators_own_is_taken_as_it_is(folder):
    (folder / "verify_code.txt").write_text(OWN)
    (folder / "verify_code.html").write_text("<a href='/$username'>$code</a>")

    assert "<a href='/alice'>492039</a>" in compose(folder).html


def test_files_in_the_folder_serve_every_language(folder):
    (folder / "verify_code.txt").write_text(OWN)

    assert compose(folder, "de").subject == "auth.example.org greets alice"


def test_files_of_a_language_serve_that_one_and_the_others_are_not_mixed_in(folder):
    (folder / "de").mkdir()
    (folder / "verify_code.txt").write_text(OWN)
    (folder / "reset_code.txt").write_text(OWN)
    (folder / "de" / "verify_code.txt").write_text(OWN.replace("greets", "grüßt"))
    (folder / "frame.html").write_text("<title>$subject</title>$language $content")

    reset = Templates(str(folder)).find("reset_code.txt", "de")

    assert compose(folder, "de").subject == "auth.example.org grüßt alice"
    assert compose(folder, "en").subject == "auth.example.org greets alice"
    assert "Passwort" in reset.template  # ours: better than another language
    assert compose(folder, "de").html.startswith("<title>auth.example.org grüßt")


def test_bad_file_of_a_language_stops_the_start(make_app, folder):
    (folder / "de").mkdir()
    (folder / "de" / "frame.html").write_text("$contents")
    (folder / "de" / "de").symlink_to(folder / "de")

    with pytest.raises(SettingsError, match=r"^TEMPLATES_DIR .*de/frame\.html has the"):
        make_app(templates_dir=folder)


def test_frame_is_shared_by_all_kinds(folder):
    (folder / "frame.html").write_text("<title>$subject</title>Ours: $content")

    assert compose(folder).html.startswith(
        "<title>Your code for auth.example.org</title>Ours: <p>Somebody"
    )


def test_short_lines_stay_as_they_were_written(folder):
    (folder / "verify_code.txt").write_text(f"{OWN}\n- one\n- two\n")

    assert compose(folder).text.endswith("\n\n- one\n- two\n")


def test_file_of_another_system_s_editor_is_read(folder):
    text = "\ufeff" + OWN.replace("\n", "\r\n")
    (folder / "verify_code.txt").write_bytes(text.encode())

    templates.check(str(folder))

    assert compose(folder).subject == "auth.example.org greets alice"


def test_file_is_read_once(folder):
    words = Templates()

    assert words.find("frame.html", "en") is words.find("frame.html", "en")


BAD = [
    ("verify_code.txt", b"Subject: Hi\n\n$code $password", "unknown place [$]password"),
    ("verify_code.txt", b"Subject: Hi\n\n$code {username.__class__} $", "begins no na"),
    ("verify_code.txt", b"Subject: Hi\n\n$code costs $5", "begins no name"),
    ("verify_code.txt", b"$code", "does not begin with a line Subject"),
    ("verify_code.txt", b"Subject:\n\n$code", "does not begin with a line Subject"),
    ("verify_code.txt", b"Subject: Hi\n$code", "does not begin with a line Subject"),
    ("verify_code.txt", b"Subject: Hi\n\nWelcome", "lacks [$]code"),
    ("verify_code.html", b"<p>Welcome", "lacks [$]code"),
    ("verify_code.sms.txt", b"$code or $link", "unknown place [$]link"),
    ("login_code.txt", b"Subject: Hi\n\n$code or $link", "unknown place [$]link"),
    ("session_theft.txt", b"Subject: Hi\n\n$code", "unknown place [$]code"),
    ("session_theft.html", b"\n", "is empty"),
    ("frame.html", b"<body>$contents", "unknown place [$]contents"),
    ("frame.html", b"<body>", "lacks [$]content"),
    ("frame.html", b"\xff$content", "is not UTF-8"),
    ("verify_code.txt", b"Subject: Hi\n\n$code\0", "has a control character"),
    ("verify_code.sms.txt", b"$code\x1b[2J", "has a control character"),
    ("verify_code.html", b"$code\xc2\x85", "has a control character"),
    *(
        ("verify_code.txt", f"Subject: Hi{odd}x\n\n$code".encode(), "has a control")
        for odd in "\0\t\x0b\x0c\x1c\x7f\u0085\u2028\u2029\u202e"
    ),
]


@pytest.mark.parametrize(("name", "content", "reason"), BAD)
def test_bad_file_stops_the_start_with_a_sentence(
    make_app, folder, name, content, reason
):
    (folder / name).write_bytes(content)

    with pytest.raises(SettingsError, match=f"TEMPLATES_DIR .*{name} .*{reason}"):
        make_app(templates_dir=folder)


def test_file_that_cannot_be_read_stops_the_start(make_app, folder):
    (folder / "frame.html").symlink_to("nowhere")

    with pytest.raises(SettingsError, match=r"frame\.html cannot be read: No such"):
        make_app(templates_dir=folder)


@pytest.mark.parametrize("name", ["frame.html", "verify_code.txt"])
def test_named_pipe_stops_the_start_and_does_not_hold_it(make_app, folder, name):
    os.mkfifo(folder / name)

    with pytest.raises(SettingsError, match=f"{name} is not a regular file"):
        make_app(templates_dir=folder)


def test_folder_in_place_of_a_file_stops_the_start(make_app, folder):
    (folder / "frame.html").mkdir()

    with pytest.raises(SettingsError, match=r"frame\.html cannot be read: Is a dir"):
        make_app(templates_dir=folder)


def test_missing_folder_stops_the_start(make_app, folder):
    with pytest.raises(SettingsError, match=r"TEMPLATES_DIR names .*nowhere, which"):
        make_app(templates_dir=folder / "nowhere")


def test_misspelt_name_is_told(folder, caplog):
    (folder / "verify-code.txt").write_text(OWN)
    (folder / "README.md").write_text("ours")

    with caplog.at_level(logging.WARNING):
        templates.check(str(folder))

    [told] = [record.getMessage() for record in caplog.records]
    assert told.startswith("TEMPLATES_DIR has verify-code.txt, which")


@pytest.mark.parametrize(("name", "content", "reason"), BAD)
def test_file_spoiled_while_the_server_runs_loses_no_message(
    folder, caplog, name, content, reason
):
    (folder / name).write_bytes(content)
    kind = name.partition(".")[0]

    with caplog.at_level(logging.WARNING):
        found = Templates(str(folder)).find(name, "en")

    assert found.template == Templates().find(name, "en").template
    assert "our own wording serves" in caplog.text
    assert kind in caplog.text
