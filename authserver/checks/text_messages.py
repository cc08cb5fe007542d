"""Text messages: whether Twilio knows the account, asked with none sent."""

from collections.abc import Iterator

from authserver.checks import PATIENCE_S, Finding, Patient, fail, ok, warn

TALK_S = 8.0

# What stands in the reason of a failure, and what usually mends it.
REMEDIES = (
    (
        "HTTP 40",
        "Correct TWILIO_SID and TWILIO_TOKEN: both stand on the first page of "
        "Twilio's console.",
    ),
    ("HTTP", "Try again later; https://status.twilio.com tells of disturbances."),
    (
        "",
        "Check TWILIO_BASE_URL, and whether a firewall lets this machine reach it.",
    ),
)


def twilio(patient: Patient) -> Iterator[Finding]:
    """Ask for our own account."""
    settings = patient.settings
    if not settings.sms_configured:
        yield ok("not configured: phone numbers get no text messages")
        return
    # Loads ssl, which a server without text messages does not need.
    from authserver.delivery.sender import FateUnknown, Refused, TryLater
    from authserver.delivery.twilio import TwilioSender

    sender = TwilioSender(settings, connect_s=PATIENCE_S, talk_s=TALK_S)
    try:
        status = sender.check()
    except ImportError:
        return  # told as a missing package
    except (TryLater, Refused, FateUnknown) as error:
        remedy = next(words for part, words in REMEDIES if part in str(error))
        yield fail(f"Twilio does not take our requests ({error}).", remedy)
        return
    if status == "active":
        yield ok(f"Twilio account {settings.twilio_sid}, {status}")
    else:
        yield warn(
            f"the Twilio account is {status}.",
            "See Twilio's console for the reason: it sends nothing meanwhile.",
        )
