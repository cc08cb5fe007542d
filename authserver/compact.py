"""JSON and base64url, each without a character that may be missing.

    json({"alg": "HS256"})        {"alg":"HS256"}
    base64url(bytes([251, 255]))  -_8

Tokens are made of both (RFC 7515 section 2), and bodies of the first.
"""

import binascii
import json as standard
from collections.abc import Callable
from typing import Final

_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 4648 section 5)."""
    encoded = binascii.b2a_base64(data, newline=False)
    return encoded.translate(_URL_SAFE, b"=").decode()


def _json() -> Callable[[object], str]:
    encoder = standard.JSONEncoder(
        separators=(",", ":"), allow_nan=False, check_circular=False
    )
    make = getattr(standard.encoder, "c_make_encoder", None)
    if make is None:  # another Python than CPython
        return encoder.encode
    # `encode` makes this function anew at each call, for as long as it works.
    text = standard.encoder.encode_basestring_ascii
    flags = (False, False, False)  # sorted keys, keys to be skipped, NaN
    pieces = make(None, encoder.default, text, None, ":", ",", *flags)
    return lambda value: "".join(pieces(value, 0))


# Returns JSON for objects without floats and without circles. Out comes ASCII:
# what a browser takes for another encoding has nothing to misread.
json: Final = _json()
