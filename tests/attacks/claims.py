"""Headers by which a client claims to be elsewhere, or to be somebody."""

# Names that a server in the manner of CGI, or a careless one, would take for
# X-Forwarded-For, and others that name a client's address.
TWINS = (
    *("X_Forwarded_For", "X-Forwarded_For", "X_FORWARDED-FOR", "x_forwarded_for"),
    *("HTTP_X_FORWARDED_FOR", "HTTP-X-Forwarded-For", "X.Forwarded.For"),
    *("XForwardedFor", "X-Forwarded-For-", "-X-Forwarded-For", "X--Forwarded-For"),
    *("Forwarded", "Forwarded-For", "X-Forwarded", "X-Original-Forwarded-For"),
    *("X-Real-IP", "X_Real_IP", "X-Client-IP", "Client-IP", "True-Client-IP"),
    *("CF-Connecting-IP", "Fastly-Client-IP", "X-Cluster-Client-IP", "Via"),
    *("Remote-Addr", "Remote_Addr", "REMOTE_ADDR", "X-Remote-IP", "X-Host"),
)
# Headers by which other servers are told who somebody is.
IDENTITIES = (
    *("Remote_User", "Remote-User", "REMOTE_USER", "X-Remote-User", "X_Remote_User"),
    *("X-Forwarded-User", "X_Forwarded_User", "X-Forwarded-Email", "X-Auth-User"),
    *("X-Auth-Request-User", "X_Auth_Request_User", "X-Authenticated-User"),
    *("X-Forwarded-Preferred-Username", "X-WebAuth-User", "X-User-Id", "X-Username"),
    *("X-Forwarded-Access-Token", "X-Access-Token", "HTTP_AUTHORIZATION"),
    *("X-Authorization", "Proxy-Authorization", "X-SSL-Client-CN", "X-ID-Token"),
    *("X-Cookie", "Cookie2", "HTTP_COOKIE", "X-Session"),
)
# Values of X-Forwarded-For that end in no address.
JUNK = (
    "a",
    "",
    ",",
    "unknown",
    "127.0.0.1.1",
    "999.999.999.999",
    "203.0.113.7, ",
    "203.0.113.7 198.51.100.1",
    "_hidden",
    "[2001:db8::1",
    "192.0.2.1%eth0",
    "::ffff:203.0.113",
    "::ffff:999.0.113.1",
    "0x7f000001",
    "2130706433",
    "127.1",
    "0177.0.0.1",
    "1.2.3.4:99999999",
    "[::1]x",
    "'; DROP TABLE users; --",
    ",".join(["junk"] * 1000),
    "x" * 15_000,
)
