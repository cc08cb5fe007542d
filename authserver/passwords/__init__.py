"""Passwords: how they are stored, and which ones are too easy to guess.

derivation.py   the slow functions: bcrypt, Argon2, scrypt, PBKDF2
forms.py        a stored hash as text, in our forms and in other systems'
hasher.py       makes hashes of one kind, verifies those of every kind
threads.py      where that happens: few threads, and a bounded queue
niceness.py     ... and go after what somebody waits for
policy.py       which passwords nobody may choose
"""
