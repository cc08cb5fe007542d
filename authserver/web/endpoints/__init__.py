"""One function per route: from a checked request to a flow and back."""
