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
    if ":" in address:
        return _prefix_of_6(address, 64)
    return f"{address}/32" if _is_ipv4(address) else address


def neighbourhood(address: str) -> str:
    """Return the /24 or /48 around an address."""
    if ":" in address:
        return _prefix_of_6(address, 48)
    return f"{address[: address.rindex('.')]}.0/24" if _is_ipv4(address) else address


def _is_ipv4(address: str) -> bool:
    # Addresses come in canonical form; what is none of IPv4 or IPv6 is a test's
    # or an embedder's own name for a caller.
    return address.count(".") == 3 and address.replace(".", "").isdigit()


@functools.lru_cache(maxsize=1024)  # asked for several times in each request
def _prefix_of_6(address: str, bits: int) -> str:
    try:
        return str(ipaddress.IPv6Network(f"{address}/{bits}", strict=False))
    except ValueError:
        return address
