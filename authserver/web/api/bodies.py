"""What the routes take: every field of every body, declared once.

By these declarations dispatch validates, the OpenAPI document describes, and
the tests attack. Names that several routes share have one declaration, so that
`identifier` is the same thing everywhere. The examples are a story: they are
what alice sends, and sent in order they work.
"""

from authserver.errors import Complaint
from authserver.web.api.fields import Choice, Field, Needs, OtpField

ALICE = "alice@example.org"
PHONE_NUMBER = "+442079460018"  # from a range that is kept free for examples
PASSWORD = "correct horse battery"  # noqa: S105 - an example for readers
TOKEN = "n0t-a-real-token"  # noqa: S105 - likewise
ID = "019b2f7e-0000-7000-8000-000000000000"

IDENTIFIER = Field(
    "identifier", ALICE, aliases=("email", "phone", "mobile_number"), required=True
)
ANY_IDENTIFIER = Field(
    "identifier",
    "alice",
    aliases=("username", "email", "phone", "mobile_number"),
    required=True,
)
OPTIONAL_IDENTIFIER = ANY_IDENTIFIER._replace(example=ALICE, required=False)
EMAIL = Field("email", ALICE)
PHONE = Field("phone", PHONE_NUMBER, aliases=("mobile_number",))
OTP = OtpField("otp", "123456")
REQUIRED_OTP = OtpField("otp", "123456", required=True)
CURRENT_PASSWORD = Field("current_password", PASSWORD, required=True)

REGISTER = (
    Field("username", "alice", aliases=("name",), required=True),
    Field("password", PASSWORD, aliases=("pwd",), required=True),
    EMAIL,
    PHONE,
    Field("confirm_password", PASSWORD),
)
SOME_CONTACT = Choice(
    ("email", "phone"),
    Complaint("contact_missing", "Give an e-mail address or a phone number."),
    several=True,
)
CHECK_PASSWORD = tuple(
    each._replace(required=each.name == "password") for each in REGISTER[:4]
)
SEND_CODE = (
    IDENTIFIER,
    Field("purpose", "verify", choices=("verify", "login", "reset")),
    Field("id", ID),
)
VERIFY = (IDENTIFIER, REQUIRED_OTP, Field("id", ID))
CONFIRM = (
    Field("token", TOKEN),
    Field("password", PASSWORD, aliases=("pwd",)),
    IDENTIFIER._replace(required=False),
    OTP,
    Field("id", ID),
)
LINK_OR_CODE = Choice(
    ("token", "otp"),
    Complaint("link_or_code", "Send either token, or identifier and otp."),
)
LOG_IN = (
    ANY_IDENTIFIER,
    Field("password", PASSWORD, aliases=("pwd",)),
    OTP,
    Field("replace_session", example=False),
    Field("cookie_only", example=False),
)
ONE_PROOF = Choice(
    ("password", "otp"), Complaint("one_proof", "Send either password or otp.")
)
REFRESH = (Field("refresh_token", TOKEN, required=True),)
LOG_OUT = (Field("everywhere", example=False), Field("refresh_token", TOKEN))
FORGOT = (ANY_IDENTIFIER,)
VALIDATE = (ANY_IDENTIFIER, REQUIRED_OTP, Field("cookie_only", example=False))
RESET = (
    Field("new_password", PASSWORD, required=True),
    Field("token", TOKEN, aliases=("reset_token",)),
    OPTIONAL_IDENTIFIER,
    OTP,
)
WHOSE_CODE = Needs(
    "otp",
    "identifier",
    Complaint("identifier_missing", "Send the identifier that goes with otp."),
)
CHANGE_PASSWORD = (
    CURRENT_PASSWORD,
    Field("new_password", "another good phrase", required=True),
)
CHANGE_CONTACT = (EMAIL, PHONE, CURRENT_PASSWORD)
ONE_CONTACT = Choice(
    ("email", "phone"),
    Complaint(
        "one_contact", "Give one of the two: an e-mail address or a phone number."
    ),
)
