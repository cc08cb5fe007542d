"""The web: from sockets to endpoints, and back.

    socket -> handler -> head, body -> dispatch -> endpoint -> flow
    socket <- handler <- wire       <- dispatch <- Response <-

`head`, `body`, `json_body`, `cookies`, `forwarded` and `wire` are functions
over bytes and text that never see a socket; `server`, `connections` and
`handler` move the bytes and know no routes; `dispatch`, `routes` and the
endpoints answer requests and know no sockets.
"""
