"""Where a caller is, as far as an address tells.

    place           IPv4   IPv6   what it is
    network         /32    /64    the smallest network that one customer gets
    neighbourhood   /24    /48    the same place, roughly

Limits count by network: whoever has one address of IPv6 has 2**64. Whoever was
here a moment ago may have moved to the address next door, so what is held
against a thief is the neighbourhood.
"""

import functools
import ipaddress


def network(address: str) -> str:
    """Return what one customer has: an IPv4 address, or a /64 of IPv6."""
    return _prefix(address, 32, 64)


def neighbourhood(address: str) -> str:
    """Return the /24 or /48 around an address."""
    return _prefix(address, 24, 48)


@functools.lru_cache(maxsize=1024)  # asked for several times in each request
def _prefix(address: str, bits_of_4: int, bits_of_6: int) -> str:
    bits = bits_of_6 if ":" in address else bits_of_4
    try:
        return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
    except ValueError:
        return address  # a test's or an embedder's own name for a caller
