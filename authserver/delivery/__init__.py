"""How a queued message leaves the house: worded, sent, or given up.

    worker        takes due messages and gives each a thread
    claims        its transactions: what it takes on, and settles
    outcomes      writes down what became of them
    sms_budget    what text messages may cost
    wording       what the messages say, from texts that `templates` finds
    html_part     a mail's HTML, made of its plain text
    sender        what a way of sending is, and the ways in which it can fail
    console       prints them, for whoever has no mail server
    smtp          by mail
    twilio        as text messages
    sockets       connections that end in time, for these two
    breaker       leaves a service alone that does not answer

Flows write a message into the outbox; from there on it is the worker's.
"""
