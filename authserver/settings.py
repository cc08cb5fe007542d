"""Settings: the environment and `.env`, checked once, then frozen.

    environment  >  .env (if python-dotenv is installed)  >  default

Every setting is one field of `Settings`; its variable is the same name in upper
case.

A bad value stops the start with one sentence that names the variable. A value
that works but is unwise, or a variable that an older system used, becomes a
line in `Settings.warnings`. No setting turns a check off.

`Settings(port=0)` from another program goes through the same checks as text
from the environment does. Units stand in the names of the derived properties;
what people write down is in minutes and days, fractions allowed.

A class made by hand, not a dataclass: the module `dataclasses` alone would be a
tenth of the time that the whole server takes to start.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from authserver import setting_rules, setting_sources, setting_values
from authserver.setting_sources import SettingsError as SettingsError

VERSION = "0.1.0"
NAME = "authserver"


class Declared(NamedTuple):
    """What a field of `Settings` is declared with."""

    default: Any
    read: Callable[[str], Any]
    secret: bool


def _setting(
    default: Any,  # noqa: ANN401 - of the field's own type
    read: Callable[[str], Any],
    *,
    secret: bool = False,
) -> Any:  # noqa: ANN401 - likewise
    return Declared(default, read, secret)


class Settings:
    """What the operator decided; making one raises `SettingsError`."""

    host: str = _setting("127.0.0.1", setting_values.host)
    port: int = _setting(8080, setting_values.whole(0, 65535))
    workers: int = _setting(1, setting_values.whole(1, 64))
    public_url: str = _setting(
        "", lambda value: setting_values.url(value) if value else ""
    )
    tls_cert: str = _setting("", setting_values.text)
    tls_key: str = _setting("", setting_values.text)
    trusted_proxies: tuple[setting_values.Network, ...] = _setting(
        (), setting_values.networks
    )

    # Empty: `runtime.create_app` makes one beside a new SQLite database.
    secret_key: tuple[bytes, ...] = _setting((), setting_values.secrets, secret=True)
    database_url: str = _setting(
        "sqlite:///authserver.db", setting_values.text, secret=True
    )

    access_token_expire_minutes: float = _setting(15, setting_values.decimal(0.1, 1440))
    refresh_token_expire_days: float = _setting(7, setting_values.decimal(0.001, 365))
    session_idle_days: float = _setting(7, setting_values.decimal(0.01, 365))
    session_max_days: float = _setting(30, setting_values.decimal(0.01, 3650))
    session_policy: str = _setting(
        "multiple", setting_values.choice("multiple", "single")
    )

    password_hasher: str = _setting(
        "bcrypt", setting_values.choice("bcrypt", "argon2", "scrypt")
    )
    bcrypt_rounds: int = _setting(12, setting_values.whole(4, 17))
    require_verification: bool = _setting(default=True, read=setting_values.boolean)

    otp_expire_minutes: float = _setting(10, setting_values.decimal(1, 60))
    otp_max_attempts: int = _setting(5, setting_values.whole(1, 10))
    otp_requests_per_minute: int = _setting(3, setting_values.whole(1, 60))
    address_requests_per_minute: int = _setting(60, setting_values.whole(1, 100_000))
    address_failures_per_hour: int = _setting(100, setting_values.whole(1, 100_000))
    limits: str = _setting("process", setting_values.choice("process", "database"))
    phone_country_code: str = _setting(
        "", lambda v: setting_values.country_code(v) if v else ""
    )

    email_host: str = _setting("", setting_values.host)
    email_port: int = _setting(587, setting_values.whole(1, 65535))
    email_security: str = _setting(
        "starttls", setting_values.choice("starttls", "tls", "none")
    )
    email_user: str = _setting("", setting_values.text)
    email_pass: str = _setting("", setting_values.text, secret=True)
    email_from: str = _setting("", setting_values.text)

    twilio_sid: str = _setting("", setting_values.text)
    twilio_token: str = _setting("", setting_values.text, secret=True)
    twilio_phone: str = _setting("", setting_values.text)
    twilio_base_url: str = _setting(
        "", lambda value: setting_values.url(value) if value else ""
    )
    sms_countries: tuple[str, ...] = _setting((), setting_values.calling_codes)
    sms_daily_limit: int = _setting(500, setting_values.whole(0, 1_000_000))

    allowed_origins: tuple[str, ...] = _setting((), setting_values.origins)
    templates_dir: str = _setting("", setting_values.text)
    site_name: str = _setting(NAME, setting_values.title)
    site_style: str = _setting("", setting_values.text)
    site_logo: str = _setting("", setting_values.text)

    metrics_token: str = _setting("", setting_values.token, secret=True)
    log_format: str = _setting("text", setting_values.choice("text", "json"))
    log_level: str = _setting(
        "info", setting_values.choice("debug", "info", "warning", "error")
    )

    warnings: tuple[str, ...]  # sentences for the operator, not a setting

    def __init__(
        self,
        *,
        warnings: tuple[str, ...] = (),
        **values: Any,  # noqa: ANN401 - each of its field's own type
    ) -> None:
        """Take any of the fields by name, as text or of their type."""
        self._set("warnings", warnings)
        for name, declared in self.declared().items():
            value = values.pop(name, declared.default)
            self._set(name, _typed(name, value, declared))
        if values:
            raise TypeError(f"no such setting: {', '.join(values)}")
        if not self.public_url:
            self._set("public_url", self._local_url())
        if self.workers > 1:  # else every process would let as many through
            self._set("limits", "database")
        if self.email_user and not self.email_host:
            self._set("email_host", "smtp.gmail.com")
        self._set("email_from", self.email_from or self.email_user)
        setting_rules.check(self)
        self._set("warnings", (*self.warnings, *setting_rules.doubts(self)))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("settings do not change while the server runs")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # compared, never a key

    def __repr__(self) -> str:
        shown = [
            f"{name}={getattr(self, name)!r}"
            for name, declared in self.declared().items()
            if not declared.secret
        ]
        return f"Settings({', '.join(shown)})"

    @classmethod
    def declared(cls) -> dict[str, Declared]:
        """Return every setting by its field's name, in order."""
        return {
            name: value
            for name, value in vars(cls).items()
            if isinstance(value, Declared)
        }

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, *, dotenv: Path | None = None
    ) -> "Settings":
        """Read the environment, by default the process's, over `.env`."""
        found, warnings = gather(environ, dotenv=dotenv)
        values: dict[str, Any] = {}
        for name, declared in cls.declared().items():
            value = setting_sources.look_up(found, name.upper(), secret=declared.secret)
            if value is not None:
                values[name] = value
        return cls(**values, warnings=tuple(warnings))

    def at_port(self, port: int) -> "Settings":
        """Return the same settings with the port that 0 turned out to mean."""
        values = {name: getattr(self, name) for name in self.declared()}
        if self.port == 0 and self.public_url == self._local_url():
            values["public_url"] = ""
        return Settings(**(values | {"port": port}))

    @property
    def access_ttl_s(self) -> int:
        """How long an access token lives."""
        return round(self.access_token_expire_minutes * 60)

    @property
    def refresh_ttl_s(self) -> int:
        """How long a refresh token waits to be used."""
        return round(self.refresh_token_expire_days * 86400)

    @property
    def session_idle_s(self) -> int:
        """How long a session lives without being used."""
        return round(self.session_idle_days * 86400)

    @property
    def session_max_s(self) -> int:
        """How long a session lives however much it is used."""
        return round(self.session_max_days * 86400)

    @property
    def otp_ttl_s(self) -> int:
        """How long a one-time code lives."""
        return round(self.otp_expire_minutes * 60)

    @property
    def email_configured(self) -> bool:
        """Whether mail leaves by SMTP; otherwise codes go to the console."""
        return bool(self.email_host)

    @property
    def sms_configured(self) -> bool:
        """Whether text messages leave by Twilio."""
        return bool(self.twilio_sid)

    @property
    def origin(self) -> str:
        """PUBLIC_URL as browsers write Origin: no path, no default port."""
        return setting_values.origin_of(self.public_url)

    @property
    def https(self) -> bool:
        """Whether people reach us over TLS."""
        return self.public_url.startswith("https:")

    @property
    def own_site_name(self) -> str:
        """SITE_NAME, "" if nobody has chosen one."""
        return self.site_name if self.site_name != NAME else ""

    @property
    def encrypted(self) -> bool:
        """Whether we speak TLS ourselves."""
        return bool(self.tls_cert)

    def _local_url(self) -> str:
        return f"http{'s' * self.encrypted}://localhost:{self.port}"

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def gather(
    environ: Mapping[str, str] | None = None, *, dotenv: Path | None = None
) -> tuple[dict[str, str], list[str]]:
    """Return all variables, the environment's over `.env`, and warnings.

    Raises `SettingsError`.
    """
    found, warnings = setting_sources.read_dotenv(dotenv)
    warnings += [
        f"{name} in .env is not a setting: it changes nothing."
        for name in sorted(found.keys() - _names())
        if not setting_sources.successor_of(name)
    ]
    found |= os.environ if environ is None else environ
    return found, warnings + setting_sources.older_names(found)


def _names() -> set[str]:
    """Return the names of all variables that are looked at."""
    declared = Settings.declared().items()
    secret = {f"{name.upper()}_FILE" for name, each in declared if each.secret}
    return {name.upper() for name, _ in declared} | secret


def _typed(name: str, value: object, declared: Declared) -> object:
    if isinstance(value, bytes):  # whose text would be b'...', commas and all
        if declared.read is not setting_values.secrets:
            raise SettingsError(name, "must be text, not bytes.")
        return (value,)
    if isinstance(value, tuple):
        if all(isinstance(each, bytes) for each in value):  # secrets, or nothing
            return value
        value = ",".join(str(each) for each in value)
    try:
        return declared.read(str(value))
    except setting_values.BadValue as error:
        raise SettingsError(name, str(error)) from None
