"""Endpoints around an account: register it, look at it, change its contacts."""

from http import HTTPStatus

from authserver.app import App
from authserver.flows import contacts, lookup
from authserver.flows import register as registering
from authserver.flows.register import Form
from authserver.web import credentials
from authserver.web.messages import OK, Request, Response


def register(app: App, request: Request) -> Response:
    """Register somebody and send a code to each contact given."""
    values = request.values
    form = Form(
        username=values["username"],
        password=values["password"],
        email=values["email"],
        phone=values["phone"],
        confirm_password=values["confirm_password"],
    )
    profile = registering.register(app, request.caller(), form)
    signup = request.path == "/auth/signup"  # that dialect's own wording
    verb = "created" if signup else "registered"
    return Response(
        HTTPStatus.CREATED,
        {
            "status": int(HTTPStatus.CREATED),
            "message": f"User {verb} successfully",
            "user": profile._asdict(),
        },
    )


def me(app: App, request: Request) -> Response:
    """Show the caller's account; other services ask here who somebody is."""
    who = credentials.require(app, request)
    user = who.user
    profile = lookup.profile_of(user)._asdict() | {
        "email_verified": user.email_verified_at is not None,
        "phone_verified": user.phone_verified_at is not None,
        "roles": user.roles.split(),
    }
    return Response(OK, {"user": profile})


def protected(app: App, request: Request) -> Response:
    """Show that the caller is logged in: the example of a protected route."""
    who = credentials.require(app, request)
    return Response(
        OK,
        {
            "message": f"Hello, {who.user.username}. You are logged in.",
            "user": lookup.profile_of(who.user)._asdict(),
        },
    )


def change_contact(app: App, request: Request) -> Response:
    """Send a code to a new e-mail address or phone number of the caller."""
    who = credentials.require(app, request)
    values = request.values
    contact = contacts.read(app, email=values["email"], phone=values["phone"])
    contacts.change(app, request.caller(), who, contact, values["current_password"])
    return Response(OK, {"message": "OTP sent successfully"})
