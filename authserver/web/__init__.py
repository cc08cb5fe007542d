"""The web: from sockets to endpoints, and back.

    socket -> loop -> handler -> inbox -> dispatch -> endpoint -> flow
    socket <- loop <- handler <- wire  <- dispatch <- Response <-

The life of three requests on SQLite, once their bytes are complete (a database
elsewhere is waited for, by request threads):

    GET /protected   loop: dispatch -> endpoint -> a row -> bytes, sent with all
                     other answers of the round
    POST refresh     loop: dispatch -> flow, and its transaction; the writer
                     commits; loop: the rest of the flow -> bytes
    POST login       request thread: dispatch, limits; hashing thread: endpoint
                     -> flow -> bytes; loop: sends them

What moves bytes, and knows no routes:

    server        listens and stops; a loop or threads do the rest
    loop          one thread that looks after every connection
    door          lets clients in, as long as there is room
    alarm         wakes the loop when another thread has something for it
    poller        which of them are ready: asking the operating system
    request_threads   who answers what may have to wait
    threads       a thread for each connection, where there is no poller
    handler       one connection: requests in, responses out, in order
    refusals      answers to what never became a request
    tls           the same connection, encrypted
    certificate   what it shows, and its key: read, and renewed
    connections   what they share, and which go when there are too many

Functions over bytes and text, which never see a socket:

    inbox         from bytes as they come to one request after another
    head          the head of a request: grammar, limits, refusals
    framing       where the body of a request ends: by length, or by chunks
    json_body     one JSON object out of a body, strictly
    cookies       reading them, writing ours
    forwarded     whose address it is, behind proxies
    wire          a response as bytes

In place of all these, under a server of somebody else:

    gateway         the site as a WSGI application

What answers requests, and knows no sockets:

    messages      `Request` and `Response`, all that the two halves share
    dispatch      the one way from a request to a response
    cors          pages of other origins
    credentials   which token or cookie speaks for the caller
    endpoints/    a function per route: from a checked request to a flow
    pages         the pages for people: which there are, how they are sent
    rendering     a page out of its file and a language's texts
    looks         the operator's style and logo
    assets        what pages load: scripts, styles, sentences
    api/          what each route is declared with, and documents made of that
"""

from authserver import standard

standard.load("http.server")  # before anybody in this room imports it
