"""Settings: what an operator may write, and how what cannot work is refused."""

import builtins
import ipaddress
import os
import threading

import pytest

from authserver import setting_sources
from authserver.settings import Settings, SettingsError

KEY = b"32 bytes and more for these tests alone"

PUBLIC = {
    "PUBLIC_URL": "https://auth.example.org",
    "TRUSTED_PROXIES": "127.0.0.1/32",
}
TLS = {"TLS_CERT": "fullchain.pem", "TLS_KEY": "privkey.pem"}
MAIL = {"EMAIL_USER": "alice@example.org", "EMAIL_PASS": "app pass word"}


def read(**environ: str) -> Settings:
    return Settings.from_environment(environ)


def test_with_nothing_set_it_listens_on_loopback_and_prints_codes():
    settings = read()

    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.public_url == "http://localhost:8080"
    assert settings.database_url == "sqlite:///authserver.db"
    assert not settings.email_configured
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "http", "must be a whole number from 0 to 65535"),
        ("PORT", "65536", "must be a whole number from 0 to 65535"),
        ("PORT", "1_0", "must be a whole number from 0 to 65535"),
        ("PORT", "\u0661", "must be a whole number from 0 to 65535"),
        ("PORT", "-1", "must be a whole number from 0 to 65535"),
        ("PORT", "9" * 5000, "must be a whole number from 0 to 65535"),
        ("HOST", "127.0.0.1\n", "must be a host name or an address"),
        ("HOST", "127.0.0.1:80", "must be a host name or an address"),
        ("EMAIL_HOST", "mail host", "must be a host name or an address"),
        ("LOG_LEVEL", "a\x00", "must be one of"),
        ("PUBLIC_URL", "auth.example.org", "must be a URL"),
        ("PUBLIC_URL", "ftp://auth.example.org", "must be a URL"),
        ("PUBLIC_URL", "https://alice@auth.example.org", "must be a URL"),
        ("PUBLIC_URL", "https://auth.example.org/?a", "must be a URL"),
        ("PUBLIC_URL", "https://auth.example.org/#a", "must be a URL"),
        ("PUBLIC_URL", "https://auth.example.org:port", "must be a URL"),
        ("PUBLIC_URL", "https://[::1", "must be a URL"),
        ("PUBLIC_URL", "https://", "must be a URL"),
        ("PUBLIC_URL", "https://a b", "must be a URL"),
        ("PUBLIC_URL", "https://*.example.org", "must be a URL"),
        ("PUBLIC_URL", "https://a'b.example.org", "must be a URL"),
        ("PUBLIC_URL", "http://auth.example.org", "must begin with https://"),
        ("TRUSTED_PROXIES", "localhost", "must be networks"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "no address bits beyond the prefix"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0", "must be a number from 0.1 to 1440"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "nan", "must be a number from 0.1 to 1440"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "1e2", "must be a number from 0.1 to 1440"),
        ("SESSION_MAX_DAYS", "inf", "must be a number from 0.01 to 3650"),
        ("SESSION_POLICY", "some", "must be one of: multiple, single"),
        ("PASSWORD_HASHER", "md5", "must be one of: bcrypt, argon2, scrypt"),
        ("BCRYPT_ROUNDS", "3", "must be a whole number from 4 to 17"),
        ("BCRYPT_ROUNDS", "18", "must be a whole number from 4 to 17"),
        ("REQUIRE_VERIFICATION", "maybe", "must be true or false"),
        ("PHONE_COUNTRY_CODE", "0044", "must be one to three digits"),
        ("EMAIL_SECURITY", "ssl", "must be one of: starttls, tls, none"),
        ("TWILIO_BASE_URL", "localhost:9", "must be a URL"),
        ("TWILIO_BASE_URL", "http://sms.example.org", "must begin with https://"),
        ("SMS_COUNTRIES", "+44", "must be calling codes"),
        ("SMS_COUNTRIES", "GB", "must be calling codes"),
        ("SMS_DAILY_LIMIT", "-1", "must be a whole number from 0 to 1000000"),
        ("ALLOWED_ORIGINS", "*", "must be exact origins, as .*: there is no wildcard"),
        ("ALLOWED_ORIGINS", "null", "must be exact origins"),
        ("ALLOWED_ORIGINS", "https://*.example.org", "must be exact origins"),
        ("ALLOWED_ORIGINS", "https://a.org,http://*", "must be exact origins"),
        ("ALLOWED_ORIGINS", "app.example.org", "must be origins"),
        ("ALLOWED_ORIGINS", "https://<b>.example.org", "must be origins"),
        ("ALLOWED_ORIGINS", "https://a..org", "must be origins"),
        ("ALLOWED_ORIGINS", "http://[::g]:80", "must be origins"),
        ("ALLOWED_ORIGINS", "https://app.example.org/path", "must be origins"),
        ("ALLOWED_ORIGINS", "https://app.example.org/", "must be origins"),
        ("LOG_FORMAT", "xml", "must be one of: text, json"),
    ],
)
def test_a_bad_value_is_a_sentence_that_names_the_variable(name, value, sentence):
    with pytest.raises(SettingsError, match=f"^{name} .*{sentence}"):
        read(**{name: value})


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"PUBLIC_URL": PUBLIC["PUBLIC_URL"]}, "^TRUSTED_PROXIES must name the proxy"),
        ({"EMAIL_USER": "alice@example.org"}, "^EMAIL_PASS is missing"),
        ({"TWILIO_SID": "AC0"}, "^TWILIO_TOKEN is missing"),
        (
            {"TWILIO_SID": "SK0", "TWILIO_TOKEN": "x", "TWILIO_PHONE": "+12025550123"},
            "^TWILIO_SID must be the id of a Twilio account",
        ),
        (
            {"TWILIO_SID": "AC0", "TWILIO_TOKEN": "x", "TWILIO_PHONE": "Alice"},
            "^TWILIO_PHONE must be the number",
        ),
        ({"EMAIL_HOST": "::1", "EMAIL_PASS": "x"}, "^EMAIL_USER is missing"),
        ({"EMAIL_HOST": "mail.example.org"}, "^EMAIL_FROM must be the bare address"),
        (MAIL | {"EMAIL_FROM": "Alice <a@example.org>"}, "^EMAIL_FROM must be"),
        (MAIL | {"EMAIL_FROM": "a@b, c@d"}, "^EMAIL_FROM must be"),
        (MAIL | {"EMAIL_SECURITY": "none"}, "^EMAIL_SECURITY may be none only"),
        (MAIL | {"EMAIL_PORT": "465"}, "^EMAIL_SECURITY must be tls for EMAIL_PORT"),
        ({"TRUSTED_PROXIES": "::/0"}, "^TRUSTED_PROXIES must not hold ::/0: every"),
        ({"TRUSTED_PROXIES": "0.0.0.0/1,128.0.0.0/1"}, "must not hold 0.0.0.0/1"),
        ({"TRUSTED_PROXIES": "127.0.0.1/32,10.0.0.0/7"}, "must not hold 10.0.0.0/7"),
        ({"TRUSTED_PROXIES": "2000::/15"}, "must not hold 2000::/15"),
        ({"WORKERS": "2"}, "^WORKERS above 1 needs MySQL or MariaDB"),
        ({"TLS_CERT": "a.pem"}, "^TLS_KEY is missing: TLS needs a certificate and"),
        ({"TLS_KEY": "a.pem"}, "^TLS_CERT is missing: TLS needs a certificate and"),
        (
            TLS | {"PUBLIC_URL": "http://localhost:8080"},
            "^PUBLIC_URL must begin with https://, because TLS_CERT is set",
        ),
        (
            TLS | {"PUBLIC_URL": "https://auth.example.org"},
            "^HOST is loopback and PUBLIC_URL is not: 0.0.0.0 .* lets other mach",
        ),
    ],
)
def test_values_that_contradict_each_other_stop_the_start(environ, sentence):
    with pytest.raises(SettingsError, match=sentence):
        read(**environ)


def test_tls_of_our_own_needs_no_proxy():
    settings = read(**TLS, HOST="0.0.0.0", PUBLIC_URL="https://auth.example.org")

    assert settings.warnings == ()
    assert settings.trusted_proxies == ()


def test_tls_makes_the_local_address_one_of_https():
    settings = read(**TLS)

    assert settings.public_url == "https://localhost:8080"
    assert read(**TLS, PORT="0").at_port(443).public_url == "https://localhost:443"


def test_tls_for_others_with_a_local_address_is_doubtful():
    (warning,) = read(**TLS, HOST="0.0.0.0").warnings

    assert warning.endswith("set PUBLIC_URL to the address that people type.")


def test_a_secret_is_in_no_sentence_and_no_representation():
    settings = read(SECRET_KEY="marker" * 8, **MAIL)

    assert "marker" not in repr(settings)
    assert "app pass word" not in repr(settings)
    with pytest.raises(SettingsError) as refused:
        read(**(MAIL | {"EMAIL_PASS": "mar\x00ker"}))
    assert "mar" not in str(refused.value)


def test_fractions_of_minutes_and_days_are_allowed():
    settings = read(ACCESS_TOKEN_EXPIRE_MINUTES="0.5", REFRESH_TOKEN_EXPIRE_DAYS="0.25")

    assert settings.access_ttl_s == 30
    assert settings.refresh_ttl_s == 21600


def test_a_list_of_secrets_rotates():
    settings = read(SECRET_KEY=f"{'new' * 20}, {'old' * 20}")

    assert settings.secret_key == (b"new" * 20, b"old" * 20)


def test_bytes_are_one_secret_whatever_they_are_and_a_tuple_is_several():
    key = b"\x00, \xff" * 8

    assert Settings(secret_key=key).secret_key == (key,)
    assert Settings(secret_key=(key, b"old" * 20)).secret_key == (key, b"old" * 20)


def test_bytes_are_refused_where_text_is_meant():
    with pytest.raises(SettingsError, match=r"^EMAIL_FROM must be text, not bytes"):
        Settings(email_from=b"alice@example.org")


def test_an_empty_secret_is_kept_to_be_refused():
    assert read(SECRET_KEY="").secret_key == (b"",)
    assert read(SECRET_KEY=f"{'new' * 20},").secret_key[1] == b""


def test_an_empty_variable_means_the_default():
    assert read(PORT="", EMAIL_HOST="", TRUSTED_PROXIES="") == read()


def test_a_secret_may_come_from_a_file(tmp_path):
    file = tmp_path / "mail"
    file.write_text("from a file\n")

    settings = read(EMAIL_USER="alice@example.org", EMAIL_PASS_FILE=str(file))

    assert settings.email_pass == "from a file"


def test_a_secret_file_that_cannot_be_read_stops_the_start(tmp_path):
    with pytest.raises(
        SettingsError, match=r"^SECRET_KEY_FILE cannot be read: No such"
    ):
        read(SECRET_KEY_FILE=str(tmp_path / "missing"))


def test_a_secret_file_that_is_not_text_stops_the_start(tmp_path):
    file = tmp_path / "key"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match=r"^SECRET_KEY_FILE cannot be read: is not"):
        read(SECRET_KEY_FILE=str(file))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("/dev/null", "names a file with nothing in it"),
        ("/dev/zero", "names a file that is too long for a secret"),
        (".", "cannot be read: Is a directory"),
    ],
)
def test_a_secret_file_that_is_none_stops_the_start(name, sentence):
    with pytest.raises(SettingsError, match=f"^SECRET_KEY_FILE {sentence}"):
        read(SECRET_KEY_FILE=name)


def test_a_secret_may_come_from_a_pipe():
    reader, writer = os.pipe()  # as a shell makes one for <(pass show auth)
    late = threading.Timer(0.1, lambda: [os.write(writer, KEY), os.close(writer)])
    late.start()

    assert read(SECRET_KEY_FILE=f"/dev/fd/{reader}").secret_key == (KEY,)
    os.close(reader)


def test_a_pipe_that_nothing_comes_from_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(setting_sources, "SECRET_FILE_WAIT_S", 0.01)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)

    with pytest.raises(SettingsError, match="nothing comes from"):
        read(SECRET_KEY_FILE=str(pipe))

    os.close(writer)


def test_a_secret_given_twice_stops_the_start(tmp_path):
    with pytest.raises(SettingsError, match="SECRET_KEY_FILE are both set"):
        read(SECRET_KEY="x" * 40, SECRET_KEY_FILE=str(tmp_path))


def test_only_secrets_may_come_from_files():
    assert read(PORT_FILE="/nonexistent").port == 8080


def test_networks_of_proxies_may_be_of_both_families():
    settings = read(TRUSTED_PROXIES="10.0.0.0/8, 2001:db8::/32, fc00::/7,")

    assert settings.trusted_proxies == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("2001:db8::/32"),
        ipaddress.ip_network("fc00::/7"),
    )


def test_networks_of_ipv4_in_the_form_of_ipv6_are_what_they_hold():
    settings = read(TRUSTED_PROXIES="::ffff:10.0.0.0/104,::ffff:192.0.2.1")

    assert settings.trusted_proxies == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("192.0.2.1/32"),
    )


def test_the_origin_is_the_public_url_without_its_path():
    settings = read(**(PUBLIC | {"PUBLIC_URL": "https://Auth.example.org/sso/"}))

    assert settings.public_url == "https://Auth.example.org/sso"
    assert settings.origin == "https://auth.example.org"
    assert settings.https


def test_a_mail_user_alone_means_gmail():
    settings = read(**MAIL)

    assert settings.email_host == "smtp.gmail.com"
    assert settings.email_from == "alice@example.org"


def test_mail_in_clear_is_for_this_machine_only():
    mail = {"EMAIL_HOST": "127.0.0.1", "EMAIL_FROM": "a@example.org"}

    assert read(EMAIL_SECURITY="none", **mail).email_security == "none"


@pytest.mark.parametrize(
    ("environ", "warning"),
    [
        ({"SECRET": "x"}, "SECRET is not a setting here; use SECRET_KEY."),
        ({"DB_PASSWORD": "x"}, "DB_PASSWORD is not a setting here; use DATABASE_URL."),
        (
            {"GMAIL_APP_PASSWORD": "x"},
            "GMAIL_APP_PASSWORD is not a setting here; use EMAIL_USER and EMAIL_PASS.",
        ),
        (
            {"BCRYPT_ROUNDS": "9"},
            "BCRYPT_ROUNDS is below 10: stolen hashes are cheap to guess.",
        ),
        (
            {"REQUIRE_VERIFICATION": "no"},
            "REQUIRE_VERIFICATION is false: anybody may register anybody's address.",
        ),
        (
            {"HOST": "0.0.0.0"},
            "HOST accepts other machines while PUBLIC_URL names only this one: "
            "put TLS in front, or set TLS_CERT and TLS_KEY, and set PUBLIC_URL to the "
            "https address.",
        ),
    ],
)
def test_what_is_unwise_or_old_draws_a_warning(environ, warning):
    assert read(**environ).warnings == (warning,)


def test_the_environment_wins_over_dotenv(tmp_path):
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        "PORT=1\nHOST=::1\nEMAIL_PASS='a$HOME b'\nEMAIL_USER=a@b.example\n"
    )

    settings = Settings.from_environment({"PORT": "2"}, dotenv=dotenv)

    assert (settings.port, settings.host) == (2, "::1")
    assert settings.email_pass == "a$HOME b"


def test_without_a_dotenv_file_nothing_is_missing(tmp_path):
    assert Settings.from_environment({}, dotenv=tmp_path / ".env") == read()


def test_a_dotenv_file_that_nobody_can_read_is_named(tmp_path, monkeypatch):
    dotenv = tmp_path / ".env"
    dotenv.write_text("PORT=1\n")
    real_import = builtins.__import__

    def without_dotenv(name, *rest):
        if name.startswith("dotenv"):
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_dotenv)
    settings = Settings.from_environment({}, dotenv=dotenv)

    assert settings.port == 8080
    assert settings.warnings == (".env is ignored: python-dotenv is not installed.",)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('TRUSTED_PROXIES="127.0.0.1/32\nPORT=1\n', 1),
        ('PORT=1\n# mine\n\nPUBLIC_URL "https://x"\n', 4),
        ("PORT=1\nTLS_CERT: /x/y\n", 2),
        ("PORT=1\nnonsense\n", 2),
        ("METRICS_TOKEN\nPORT=1\n", 1),
    ],
)
def test_a_line_of_dotenv_that_is_no_setting_stops_the_start(tmp_path, text, line):
    dotenv = tmp_path / ".env"
    dotenv.write_text(text)

    with pytest.raises(
        SettingsError, match=rf"^\.env has no NAME=value in line {line}"
    ):
        Settings.from_environment({}, dotenv=dotenv)


def test_a_dotenv_that_is_no_file_stops_the_start(tmp_path):
    (tmp_path / ".env").symlink_to("nowhere")

    with pytest.raises(SettingsError, match=r"^\.env is not a file"):
        Settings.from_environment({}, dotenv=tmp_path / ".env")


def test_a_name_in_dotenv_that_is_no_setting_draws_a_warning(tmp_path):
    dotenv = tmp_path / ".env"
    dotenv.write_text("PORTT=9\nEMAIL_PASS_FILE=\nPORT=1\nDB_HOST=x\n")

    told = Settings.from_environment({}, dotenv=dotenv).warnings

    assert [each.partition(" ")[0] for each in told] == ["PORTT", "DB_HOST"]


def test_a_dotenv_file_that_is_not_text_stops_the_start(tmp_path):
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"EMAIL_FROM=M\xfcller@example.org\n")

    with pytest.raises(SettingsError, match=r"^\.env cannot be read: is not UTF-8"):
        Settings.from_environment({}, dotenv=dotenv)


def test_port_zero_becomes_the_port_that_was_free():
    settled = Settings(port=0, bcrypt_rounds=11).at_port(4711)

    assert (settled.port, settled.public_url) == (4711, "http://localhost:4711")
    assert settled.bcrypt_rounds == 11
    named = Settings(port=0, public_url="http://localhost:1").at_port(4711)
    assert named.public_url == "http://localhost:1"


def test_several_workers_share_their_limits():
    many = read(WORKERS="3", DATABASE_URL="mysql://alice:x@127.0.0.1/accounts")

    assert (many.workers, many.limits) == (3, "database")
    assert (read().workers, read().limits) == (1, "process")


def test_several_workers_need_a_system_that_hands_sockets_on(monkeypatch):
    monkeypatch.setattr("authserver.setting_rules.SYSTEM", "nt")

    with pytest.raises(SettingsError, match=r"^WORKERS must be 1 on this system"):
        read(WORKERS="2", DATABASE_URL="mysql://alice:x@127.0.0.1/accounts")


def test_settings_do_not_change_and_have_no_others():
    with pytest.raises(AttributeError, match="do not change"):
        Settings().port = 1
    with pytest.raises(TypeError, match="no such setting: prot"):
        Settings(prot=1)


def test_settings_made_in_a_program_are_checked_alike():
    assert Settings(port=0, require_verification=False).port == 0
    network = ipaddress.ip_network("::1/128")
    assert Settings(trusted_proxies=(network,)).trusted_proxies == (network,)
    assert Settings(trusted_proxies=("::1/128",)).trusted_proxies == (network,)
    with pytest.raises(SettingsError, match=r"^PORT must be a whole number"):
        Settings(port=70_000)
    with pytest.raises(SettingsError, match=r"^BCRYPT_ROUNDS"):
        Settings(bcrypt_rounds=True)


def test_origins_are_compared_as_browsers_write_them():
    origins = "https://App.example.org:443, http://localhost:5173, http://[::1]:8080"

    assert read(ALLOWED_ORIGINS=origins).allowed_origins == (
        "https://app.example.org",
        "http://localhost:5173",
        "http://[::1]:8080",
    )
