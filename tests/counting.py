"""How often something passes before it is refused."""

import pytest

from authserver import errors


def passes(function, most=1000) -> int:
    """Return how often `function` may be called before it refuses."""
    for count in range(most):
        try:
            if function() is False:
                return count
        except errors.TooManyRequests:
            return count
    return most


def wait_of(function) -> int | None:
    """Return the seconds that a refusal tells the client to wait."""
    with pytest.raises(errors.TooManyRequests) as refused:
        function()
    return refused.value.retry_after_s
