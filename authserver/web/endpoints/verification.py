"""Endpoints that send one-time codes and take them back."""

from authserver.app import App
from authserver.flows import confirm as confirming
from authserver.flows import lookup, send_code
from authserver.flows import verify as verifying
from authserver.flows.confirm import Proof
from authserver.flows.lookup import Request as CodeRequest
from authserver.web import credentials
from authserver.web.messages import OK, Request, Response

VERIFIED = {"message": "Account verified successfully"}


def send(app: App, request: Request) -> Response:
    """Send a code, if the identifier is one to send it to; never say which."""
    purpose = request.values["purpose"] or "verify"
    send_code.send(app, request.caller(), _wanted(app, request), purpose)
    return Response(OK, {"message": "OTP sent successfully"})


def verify(app: App, request: Request) -> Response:
    """Prove a contact: a registration becomes a user."""
    wanted = _wanted(app, request)
    verifying.with_code(app, request.caller(), wanted, request.values["otp"])
    return Response(OK, VERIFIED)


def confirm(app: App, request: Request) -> Response:
    """Prove a contact by the link that came, or by the code like `verify`."""
    token = request.values["token"]
    if token is None:
        return verify(app, request)
    session = credentials.optional(app, request)
    proof = Proof(token, request.values["password"], session)
    confirming.with_link(app, request.caller(), proof)
    return Response(OK, VERIFIED)


def _wanted(app: App, request: Request) -> CodeRequest:
    return CodeRequest(
        identifier=lookup.identify(app, request.values["identifier"]),
        registration_id=request.values["id"],
        session=credentials.optional(app, request),
    )
