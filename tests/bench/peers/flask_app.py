"""Flask with flask-jwt-extended, for gunicorn's threads."""

import os

from flask import Flask, jsonify
from flask_jwt_extended import JWTManager, get_jwt, jwt_required

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = os.environ["SECRET_KEY"]
app.config["JWT_DECODE_AUDIENCE"] = os.environ["PUBLIC_URL"]
app.config["JWT_DECODE_ISSUER"] = os.environ["PUBLIC_URL"]
JWTManager(app)


@app.get("/protected")
@jwt_required()
def protected():
    """Show that the caller is logged in."""
    user = get_jwt()
    return jsonify(
        message=f"Hello, {user['name']}. You are logged in.",
        user={
            "id": user["sub"],
            "username": user["name"],
            "email": user["email"],
            "phone": None,
            "is_verified": True,
        },
    )
