"""Mail: a conversation with the mail server that ends before any letter."""

from collections.abc import Iterator

from authserver.checks import PATIENCE_S, Finding, Patient, fail, ok, warn

TALK_S = 8.0  # a login may take its time; `doctor` as a whole is bounded too

# What stands in the reason of a failure, and what usually mends it.
REMEDIES = (
    (
        "535",
        "Correct EMAIL_USER and EMAIL_PASS. Gmail wants an app password, not the "
        "account's own.",
    ),
    (
        "STARTTLS",
        "Set EMAIL_SECURITY=tls with the port for it, usually 465, or use a mail "
        "server that encrypts.",
    ),
    (
        "certificate",
        "Set EMAIL_HOST to the name in its certificate, or name its authority by "
        "SSL_CERT_FILE.",
    ),
    (
        "WRONG_VERSION",
        "Set EMAIL_SECURITY=starttls for this port (usually 587), or EMAIL_PORT=465 "
        "for tls.",
    ),
    (
        "",
        "Check EMAIL_HOST and EMAIL_PORT, and whether a firewall or the provider of "
        "this machine blocks outgoing mail.",
    ),
)


def smtp(patient: Patient) -> Iterator[Finding]:
    """Connect, encrypt, log in, and leave."""
    settings = patient.settings
    if not settings.email_configured:
        yield warn(
            "not configured: codes are printed on the server's console.",
            "Set EMAIL_HOST, EMAIL_USER and EMAIL_PASS before others use it.",
        )
        return
    # Loads ssl and email, which a server without mail does not need.
    from authserver.delivery.sender import TryLater
    from authserver.delivery.smtp import SmtpSender

    place = f"{settings.email_host}:{settings.email_port}"
    sender = SmtpSender(settings, connect_s=PATIENCE_S, talk_s=TALK_S)
    try:
        sender.check()
    except TryLater as error:
        reason = str(error)
        remedy = next(words for part, words in REMEDIES if part in reason)
        yield fail(f"{place} does not take our mail ({reason}).", remedy)
    else:
        login = f", logged in as {settings.email_user}" if settings.email_user else ""
        yield ok(f"{place}, {settings.email_security}{login}")
