"""People who use a server that is killed now and then, and keep a journal.

A life goes from a registration to a last login, every step repeated until it is
acknowledged:

    register, verify, log in twice, refresh ..., change the password, log out
    one session, forget the password and reset it, log in, refresh

Around every request the journal gets `invoke` and then `ok`, `refused`, or
`unknown` when the answer was lost, and then either outcome is right. So a
person knows the passwords of which one must work, the sessions that must be
alive and those that must be dead. Whenever the server has been killed, the
person first looks whether that is so; what is not is a line in `broken`.
"""

import http.client
import json
import random
import re
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from authserver.delivery.console import RULE

REFRESHES = 4  # in a row
ANSWER_WITHIN_S = 10.0
REPEAT_WITHIN_S = 8.0  # the server promises ten from when it spent the token
LETTER_WITHIN_S = 2.0  # then people ask for another
GIVE_UP_S = 60.0  # without any answer
TRIES = 8  # of a step that is refused

Answer = tuple[int, dict[str, Any]]


class Lost(Exception):
    """No answer came: nobody knows whether the request was carried out."""


class Stuck(Exception):
    """This person cannot go on; the journal says why."""


@dataclass
class Journal:
    """What was asked and answered, in order, and what should not have been."""

    lines: list[tuple[float, str, str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def note(self, who: str, what: str, outcome: str) -> None:
        self.lines.append((time.monotonic(), who, what, outcome))  # atomic

    def counts(self) -> Counter[tuple[str, str]]:
        return Counter((what, outcome) for _, _, what, outcome in self.lines)


class Entrance(Protocol):
    """Where people knock; codes are printed into its folder."""

    port: int
    folder: Path


class Wire:
    """The way to a server that is restarted, and what it printed so far."""

    def __init__(self, server: Entrance) -> None:
        self.server = server
        self.kills = 0
        self.statuses: Counter[int] = Counter()  # 0 is no answer at all
        self._reading = threading.Lock()
        self._read_bytes = 0
        self._codes: dict[tuple[str, str], str] = defaultdict(str)

    def send(self, address: str, path: str, body: dict[str, Any]) -> Answer:
        """Return the answer; raises `Lost`."""
        headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
        bearer = body.pop("bearer", None)
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.port, timeout=ANSWER_WITHIN_S
        )
        self._connect(connection)
        try:
            if body:
                connection.request("POST", path, json.dumps(body), headers)
            else:
                connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            self.statuses[answer.status] += 1  # nearly exact, and only for figures
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            self.statuses[0] += 1
            raise Lost from error
        except ValueError as error:  # a proxy's page, in place of ours
            raise Lost from error
        finally:
            connection.close()

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        """Connect; while the server is down nothing was asked."""
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            connection.port = self.server.port
            try:
                return connection.connect()
            except OSError:
                time.sleep(0.005)
        raise Stuck("the server does not come back")

    def code(self, recipient: str, *, reset: bool) -> str:
        """Return the newest code printed for somebody, "" if there is none."""
        with self._reading:
            with open(self.server.folder / "console", encoding="utf-8") as console:
                console.seek(self._read_bytes)
                # What follows the last rule is perhaps not complete.
                new, rule, _ = console.read().rpartition(RULE)
            self._read_bytes += len(new) + len(rule)
            for letter in new.split(RULE):
                self._file(letter)
            return self._codes[recipient, "reset" if reset else "verify"]

    def _file(self, letter: str) -> None:
        to = re.search(r"^To: (\S+)$", letter, re.MULTILINE)
        code = re.search(r"^([0-9]{6})$", letter, re.MULTILINE)
        if to and code:
            kind = "reset" if "code for a new password" in letter else "verify"
            self._codes[to[1], kind] = code[1]


@dataclass(eq=False)
class Session:
    """The tokens of one login."""

    access: str
    refresh: str
    asked_at: float | None = None  # of a refresh whose answer was lost


@dataclass(eq=False)
class Person:
    """One life."""

    number: int
    wire: Wire
    journal: Journal
    chance: random.Random
    passwords: list[str] = field(default_factory=lambda: ["the first good phrase"])
    verified: bool = False
    sessions: list[Session] = field(default_factory=list)
    dead: list[Session] = field(default_factory=list)
    kills_seen: int = 0

    def __post_init__(self) -> None:
        self.name = f"p{self.number:05d}"
        self.email = f"{self.name}@example.org"
        # Everybody sits elsewhere, so nobody uses up another's limits.
        self.address = f"10.0.{self.number // 256}.{self.number % 256}"

    def live(self) -> None:
        """Go through everything once, however often the server dies."""
        self.register()
        self.verify()
        self.log_in()
        self.log_in()
        for _ in range(REFRESHES):
            self.refresh(self.chance.choice(self.sessions))
        self.change_password()
        self.log_out()
        self.reset_password()
        self.log_in()
        self.refresh(self.sessions[-1])

    # -- steps

    def register(self) -> None:
        form = {"username": self.name, "email": self.email}
        self.until_ok("register", "/register", **form, password=self.passwords[0])

    def verify(self) -> None:
        uncertain = False
        for _ in range(TRIES):
            proof = {"identifier": self.email, "otp": self.code()}
            answer = self.ask("verify", "/otp", **proof)
            if answer is None:
                uncertain = True
            elif answer[0] == 200 or (uncertain and self.can_log_in(self.passwords[0])):
                self.verified = True
                return
            else:
                self.ask_for_code()
        self.complain("a registration was lost: its codes do not work")

    def log_in(self) -> None:
        body = {"identifier": self.name, "password": self.passwords[0]}
        pair = self.until_ok("login", "/login", **body)
        self.sessions.append(Session(pair["access_token"], pair["refresh_token"]))

    def refresh(self, session: Session) -> None:
        while True:
            answer = self.ask("refresh", "/auth/refresh", refresh_token=session.refresh)
            if answer is not None:
                break
            session.asked_at = session.asked_at or time.monotonic()
        waited_s = time.monotonic() - (session.asked_at or time.monotonic())
        session.asked_at = None
        if answer[0] == 200:
            session.access = answer[1]["access_token"]
            session.refresh = answer[1]["refresh_token"]
        elif waited_s < REPEAT_WITHIN_S:
            self.complain("a rotation was lost: neither token works")
        else:
            self.sessions.remove(session)  # too late; that is theft to the server
            self.log_in()

    def change_password(self) -> None:
        session, old = self.sessions[0], self.passwords[0]
        new = f"{self.name} changed this phrase"
        body = {"current_password": old, "new_password": new}
        while self.passwords != [new]:
            path, bearer = "/auth/password/change", session.access
            answer = self.ask("change", path, **body, bearer=bearer)
            if answer is not None and answer[0] != 200:
                self.complain(f"a change was refused: {answer}")
            self.passwords = [new] if answer else [new, old]
            self.settle_password()
        self.dead += [each for each in self.sessions if each is not session]
        self.sessions = [session]

    def log_out(self) -> None:
        self.log_in()
        session = self.sessions.pop()
        bearer = session.access
        self.until_ok("logout", "/logout", bearer=bearer, everywhere=False)
        self.dead.append(session)

    def reset_password(self) -> None:
        old, new = self.passwords[0], f"{self.name} chose another phrase"
        for _ in range(TRIES):
            self.ask_for_code(reset=True)
            proof = {"identifier": self.email, "otp": self.code(reset=True)}
            answer = self.ask("reset", "/reset-password", **proof, new_password=new)
            if answer is None:
                self.passwords = [new, old]
                self.settle_password()
            elif answer[0] == 200:
                self.passwords = [new]
            if self.passwords == [new]:
                break
        else:
            self.complain(f"locked out: a reset ended in {answer}")
        self.dead += self.sessions
        self.sessions = []

    def ask_for_code(self, *, reset: bool = False) -> None:
        path = "/forgot-password" if reset else "/auth/otp"
        what = "forgot" if reset else "send code"
        self.until_ok(what, path, identifier=self.email)

    def code(self, *, reset: bool = False) -> str:
        """Return the newest code; if it died with the server, ask again."""
        for _ in range(TRIES):
            deadline = time.monotonic() + LETTER_WITHIN_S
            while time.monotonic() < deadline:
                if found := self.wire.code(self.email, reset=reset):
                    return found
                time.sleep(0.005)
            self.ask_for_code(reset=reset)
        return self.complain("no code ever came")

    # -- looking

    def look(self) -> None:
        """Check that everything acknowledged still stands."""
        if self.verified:
            self.settle_password()
        for session in self.dead[-3:]:
            if self.sure("/auth/me", bearer=session.access)[0] != 401:
                self.complain("an ended session is alive again")
            # Presented once more it must open nothing either.
            token = {"refresh_token": session.refresh}
            if self.sure("/auth/refresh", **token)[0] != 401:
                self.complain("the refresh token of an ended session works again")
        for session in self.sessions:
            answer = self.sure("/auth/me", bearer=session.access)
            if answer[0] != 200:
                self.complain(f"a session was lost: {answer}")

    def settle_password(self) -> None:
        """Find out which of the possible passwords it is."""
        working = [each for each in self.passwords if self.can_log_in(each)]
        if len(working) != 1:
            self.complain(f"{len(working)} of {len(self.passwords)} passwords work")
        self.passwords = working

    def can_log_in(self, password: str) -> bool:
        body = {"identifier": self.name, "password": password}
        return self.sure("/login", **body)[0] == 200

    def complain(self, what: str) -> Any:
        self.journal.broken.append(f"{self.name}: {what}")
        raise Stuck(what)

    # -- asking

    def until_ok(self, what: str, path: str, **body: Any) -> dict[str, Any]:
        while (answer := self.ask(what, path, **body)) is None:
            pass
        if answer[0] >= 300:
            self.complain(f"{what} was refused: {answer}")
        return answer[1]

    def ask(self, what: str, path: str, **body: Any) -> Answer | None:
        """Send a request that the journal is to know; None: outcome unknown."""
        if self.kills_seen != self.wire.kills:
            self.kills_seen = self.wire.kills
            self.look()
        self.journal.note(self.name, what, "invoke")
        answer = self.raw(path, **body)
        outcome = "unknown"
        if answer is not None:
            outcome = "ok" if answer[0] < 300 else "refused"
        self.journal.note(self.name, what, outcome)
        return answer

    def sure(self, path: str, **body: Any) -> Answer:
        """Send a request that may be repeated until it is answered."""
        while (answer := self.raw(path, **body)) is None:
            pass
        return answer

    def raw(self, path: str, **body: Any) -> Answer | None:
        try:
            status, payload = self.wire.send(self.address, path, body)
        except Lost:
            return None
        # "Not now" usually means "not done", and sometimes nobody knows.
        return None if status == 503 else (status, payload)
