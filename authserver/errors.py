"""Every refusal a caller may see, in one file.

A request fails in one of two ways. Either somebody asked for something we can
name -- a wrong password, an expired token -- and the code raises a subclass of
`AuthError`, or we made a mistake (or the machine did), and any other exception
escapes. `web.dispatch` turns the first kind into its status and code, and the
second kind into a bare 500 with a request id. Nothing else writes error bodies.

The split between `message` and `detail` is the security boundary: `message`
travels to the client and is the same for every cause, `detail` is for the log.
Neither ever holds a secret.

Rows of a kind stand together: the request could not be read (400, 408, 413,
415, 417, 431, 501, 505), who is asking (401, 403), what is asked (404, 405,
409, 422), and not now (429, 503). Nobody raises `InternalError`: it words the
second kind.
"""

from http import HTTPStatus
from typing import ClassVar, NamedTuple


class FieldFault(NamedTuple):
    """What is wrong with one field of a body: for a person, and for a program.

    `code` is public API, as that of `AuthError` is: pages word it by language.
    """

    field: str
    message: str
    code: str


class Complaint(NamedTuple):
    """What may be wrong with a field, whichever it turns out to be."""

    code: str
    message: str

    def of(self, field: str) -> FieldFault:
        """Return this said of one field."""
        return FieldFault(field, self.message, self.code)


class AuthError(Exception):
    """A failure that is safe to name to the caller.

    `code` is public API: clients branch on it, so it never changes meaning.
    `faults` name the fields of a bad body; `retry_after_s` is when asking again
    may help; `allow` lists the methods a path knows.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    code: ClassVar[str] = "bad_request"
    message: ClassVar[str] = "The request could not be understood."

    def __init__(
        self,
        detail: str = "",
        *,
        faults: tuple[FieldFault, ...] = (),
        retry_after_s: int | None = None,
        allow: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail or self.message)
        self.detail = detail
        self.faults = faults
        self.retry_after_s = retry_after_s
        self.allow = allow


class MalformedRequest(AuthError):
    """The bytes are not an HTTP/1.1 request; the connection closes."""

    code = "malformed_request"
    message = "The request is not well-formed HTTP/1.1."


class TlsExpected(AuthError):
    """Plain HTTP where TLS is spoken; the connection closes."""

    code = "tls_expected"
    message = "This port speaks HTTPS only: the address must begin with https://."


class InvalidBody(AuthError):
    """The body is not the JSON object that this route declares."""

    code = "invalid_body"
    message = "The body is not the JSON object that this address expects."


class RequestTimeout(AuthError):
    """Head or body did not arrive in time; the connection closes."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_timeout"
    message = "The request did not arrive completely in time."


class BodyTooLarge(AuthError):
    """The body is longer than any of our routes can need; it is not read."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"
    message = "The body is larger than 64 KiB."


class UnsupportedMediaType(AuthError):
    """A body that does not call itself JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"
    message = "Send the body as JSON, with Content-Type: application/json."


class UnsupportedContentCoding(AuthError):
    """A body that is compressed, or encoded in another way."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_content_coding"
    message = "Send the body as it is: not compressed, and without Content-Encoding."


class ExpectationFailed(AuthError):
    """An Expect header other than 100-continue (RFC 9110 section 10.1.1)."""

    status = HTTPStatus.EXPECTATION_FAILED
    code = "expectation_failed"
    message = "The only expectation understood here is 100-continue."


class TargetTooLong(AuthError):
    """The request line does not end within 16 KiB (RFC 9112 section 3)."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    code = "target_too_long"
    message = "The address is longer than 16 KiB."


class HeadTooLarge(AuthError):
    """Request line and headers exceed 16 KiB or 100 lines."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "head_too_large"
    message = "The request line and headers exceed 16 KiB or 100 lines."


class UnknownTransferCoding(AuthError):
    """A Transfer-Encoding other than chunked alone; the connection closes."""

    status = HTTPStatus.NOT_IMPLEMENTED
    code = "unknown_transfer_coding"
    message = "The only transfer coding understood here is chunked."


class UnsupportedVersion(AuthError):
    """A version of HTTP other than 1.0 and 1.1; the connection closes."""

    status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    code = "unsupported_version"
    message = "The server speaks HTTP/1.1 and HTTP/1.0."


class NotAuthenticated(AuthError):
    """The route needs a caller, and the request names none."""

    status = HTTPStatus.UNAUTHORIZED
    code = "not_authenticated"
    message = "Log in first: send a bearer token or the session cookie."


class InvalidToken(AuthError):
    """A token or cookie that is forged, expired, spent or revoked."""

    status = HTTPStatus.UNAUTHORIZED
    code = "invalid_token"
    message = "The token is not valid, or no longer. Log in again."


class InvalidCredentials(AuthError):
    """Unknown account, wrong password, locked or closed; we never say which."""

    status = HTTPStatus.UNAUTHORIZED
    code = "invalid_credentials"
    message = (
        "No account goes with what was given, or its address has not been proven yet."
    )


class WrongPassword(InvalidCredentials):
    """The same, to somebody logged in: only the password can be wrong."""

    message = "The current password is not right."


class InvalidCode(AuthError):
    """A one-time code or reset proof that is wrong, spent or expired."""

    status = HTTPStatus.UNAUTHORIZED
    code = "invalid_code"
    message = "The code is wrong, already used or expired. Ask for a new one."


class ContactNotVerified(AuthError):
    """The right password of a registration whose contact is still unproven."""

    status = HTTPStatus.FORBIDDEN
    code = "contact_not_verified"
    message = "Prove your e-mail address or phone number first: enter the code sent."


class CrossSite(AuthError):
    """A browser was sent here by a page of another site."""

    status = HTTPStatus.FORBIDDEN
    code = "cross_site"
    message = "Requests from pages of other sites are refused."


class NotFound(AuthError):
    """No route has this path, or nothing of the caller's has this id."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"
    message = "There is nothing at this address."


class MethodNotAllowed(AuthError):
    """The path exists, the method does not; `allow` lists those that do."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"
    message = "This address does not know that method; Allow lists those it knows."


class SessionActive(AuthError):
    """SESSION_POLICY=single, and the account is logged in elsewhere."""

    status = HTTPStatus.CONFLICT
    code = "session_active"
    message = "Session already active"


class UsernameTaken(AuthError):
    """A user has this name; user names are public, so we may say so."""

    status = HTTPStatus.CONFLICT
    code = "username_taken"
    message = "This user name is taken. Choose another."


class ContactTaken(AuthError):
    """REQUIRE_VERIFICATION=false only: an account uses this contact."""

    status = HTTPStatus.CONFLICT
    code = "contact_taken"
    message = "This e-mail address or phone number is in use."


class RuleBroken(AuthError):
    """A well-formed body whose values break a rule; `faults` say which."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "rule_broken"
    message = "A value breaks a rule; errors says which."

    def __init__(self, field: str, complaint: Complaint) -> None:
        super().__init__(f"{field}: {complaint.code}", faults=(complaint.of(field),))
        self.complaint = complaint


class TooManyRequests(AuthError):
    """A visible limit: `retry_after_s` says when the next try may pass."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_requests"
    message = "Too many requests. Wait as long as Retry-After says."


class InternalError(AuthError):
    """A bug or a broken machine; the log has the traceback."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal_error"
    message = "Something went wrong here. The request id finds it in the log."


class Unavailable(AuthError):
    """Database or hashing queue cannot take the request now."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    # A commit whose answer was lost may stand; nobody may be told otherwise.
    message = (
        "The server cannot do this right now, or cannot say whether it did. "
        "Try again shortly."
    )

    def __init__(self, detail: str = "", *, retry_after_s: int = 2) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)


def every() -> tuple[type[AuthError], ...]:
    """Return a class for each code; `WrongPassword` shares its parent's."""
    return tuple(AuthError.__subclasses__())
