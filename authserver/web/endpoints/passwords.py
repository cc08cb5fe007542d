"""Endpoints for forgotten and for changed passwords."""

from authserver import errors
from authserver.app import App
from authserver.errors import Complaint
from authserver.flows import change_password, check_password, lookup
from authserver.flows import reset as resetting
from authserver.flows.challenges import GRANT_TTL_S
from authserver.flows.reset import Proof
from authserver.web import cookies, credentials
from authserver.web.messages import OK, Request, Response

NO_PROOF = Complaint("proof_missing", "Send reset_token, or identifier and otp.")


def check(app: App, request: Request) -> Response:
    """Say whether a password may be chosen; it is not kept."""
    values = request.values
    faults = check_password.check(
        app,
        request.caller(),
        values["password"],
        username=values["username"],
        email=values["email"],
        phone=values["phone"],
    )
    told = [fault._asdict() for fault in faults]
    return Response(OK, {"acceptable": not told, "errors": told})


def forgot(app: App, request: Request) -> Response:
    """Send a reset code; the answer is the same for everybody."""
    identifier = lookup.identify(app, request.values["identifier"])
    resetting.forgot(app, request.caller(), identifier)
    return Response(OK, {"message": "OTP sent successfully"})


def validate(app: App, request: Request) -> Response:
    """Exchange a reset code for a token, in a cookie and for programs.

    Pages ask for the cookie alone, which no script can read.
    """
    identifier = lookup.identify(app, request.values["identifier"])
    token = resetting.validate(app, request.caller(), identifier, request.values["otp"])
    told = {"message": "OTP verified. Proceed to reset password."}
    if not request.values["cookie_only"]:
        told["reset_token"] = token
    cookie = cookies.reset(token, max_age_s=GRANT_TTL_S)
    return Response(OK, told, headers=(cookie,))


def reset(app: App, request: Request) -> Response:
    """Set a new password by one proof; one in the body beats the cookie."""
    values = request.values
    typed = values["identifier"]
    identifier = lookup.identify(app, typed) if typed is not None else None
    token, otp = values["token"], values["otp"]
    if token is None and otp is None:
        token = credentials.cookie(request, cookies.RESET)
        if token is None:
            raise errors.InvalidCode("no proof", faults=(NO_PROOF.of("token"),))
    proof = Proof(token, identifier, None if token else otp)
    resetting.finish(app, request.caller(), proof, values["new_password"])
    return Response(
        OK,
        {"message": "Password reset successful"},
        headers=(cookies.clear_reset(), cookies.clear_session()),
    )


def change(app: App, request: Request) -> Response:
    """Replace the caller's password, given the current one."""
    who = credentials.require(app, request)
    current, new = request.values["current_password"], request.values["new_password"]
    change_password.change(app, request.caller(), who, current, new)
    return Response(OK, {"message": "Password changed successfully"})
