"""Settings: every fault is told at once, and whose files others can read."""


def test_every_fault_of_the_settings_is_told_and_the_other_checks_go_on(doctor):
    report = doctor(PORT="eighty", BCRYPT_ROUNDS="99", PUBLIC_URL="http://example.org")

    assert [words for state, words in report.of("settings") if state == "FAIL"] == [
        "PORT must be a whole number from 0 to 65535.",
        "BCRYPT_ROUNDS must be a whole number from 4 to 17.",
    ]
    assert report.of("port") == [
        ("warn", "not looked at. Mend the settings above first.")
    ]
    assert report.of("database")[0][0] == "ok"
    assert report.status == 1


def test_rule_between_settings_is_told_too(doctor):
    report = doctor(PUBLIC_URL="http://example.org")

    assert report.of("settings") == [
        (
            "FAIL",
            "PUBLIC_URL must begin with https:// unless it names this machine "
            "(localhost): passwords would travel in clear.",
        )
    ]


def test_doubts_and_older_names_are_warnings(doctor):
    report = doctor(BCRYPT_ROUNDS="4", GMAIL_USER="me@gmail.com")

    assert report.of("settings") == [
        ("warn", "GMAIL_USER is not a setting here; use EMAIL_USER and EMAIL_PASS."),
        ("warn", "BCRYPT_ROUNDS is below 10: stolen hashes are cheap to guess."),
    ]
    assert report.status == 0


def test_unreadable_dotenv_is_told_and_the_environment_still_counts(doctor, tmp_path):
    (tmp_path / ".env").write_bytes(b"HOST=\xff\n")
    (tmp_path / ".env").chmod(0o600)

    report = doctor(BCRYPT_ROUNDS="4")

    assert ("FAIL", ".env cannot be read: is not UTF-8 text.") in report.of("settings")
    assert any("BCRYPT_ROUNDS" in words for _, words in report.of("settings"))


def test_dotenv_that_others_can_read_is_named_with_its_remedy(doctor, tmp_path):
    (tmp_path / ".env").write_text("LOG_LEVEL=info\n")
    (tmp_path / ".env").chmod(0o640)

    assert doctor().of("settings file") == [
        ("warn", ".env is open to other users (mode 640). Run: chmod 600 .env")
    ]


def test_secret_in_a_file_that_others_can_read_is_named(doctor, tmp_path):
    (tmp_path / "mail").write_text("hush")
    (tmp_path / "mail").chmod(0o604)

    report = doctor(EMAIL_PASS_FILE="mail", EMAIL_USER="me@example.org")

    assert report.of("secret files") == [
        ("warn", "mail is open to other users (mode 604). Run: chmod 600 mail")
    ]


def test_missing_package_fails_only_where_a_setting_asks_for_it(doctor, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        # No package has a version: as in a Python that has none installed.
        "import importlib.metadata as m\n"
        "def version(name): raise m.PackageNotFoundError(name)\n"
        "m.version = version\n"
    )

    report = doctor(PYTHONPATH=str(tmp_path), PASSWORD_HASHER="argon2")

    assert report.of("argon2-cffi") == [
        (
            "FAIL",
            "not installed, and PASSWORD_HASHER=argon2 needs it. Install it: pip "
            "install argon2-cffi",
        )
    ]
    assert report.of("twilio") == [("ok", "not installed; only TWILIO_SID needs it")]


def test_wording_of_one_s_own_that_cannot_be_used_is_told(doctor, tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words/login_code.sms.txt").write_text("Hello, $stranger")

    ((state, words),) = doctor(TEMPLATES_DIR="words").of("wording")

    assert state == "FAIL"
    assert "has the unknown place $stranger" in words
    assert "Mend the file, or take it away" in words


def test_wording_of_one_s_own_is_read(doctor, tmp_path):
    (tmp_path / "words").mkdir()

    assert doctor(TEMPLATES_DIR="words").of("wording") == [
        ("ok", "words, and our own for what is not there")
    ]


def test_looks_of_one_s_own_are_read(doctor, tmp_path):
    (tmp_path / "own.css").write_text("p {}")

    told = doctor(SITE_STYLE="own.css", SITE_NAME="Shop").of("looks")
    missing = doctor(SITE_LOGO="nowhere.svg").of("looks")

    assert told == [("ok", "site.css; called Shop")]
    assert missing[0][0] == "FAIL"
