"""How much a database did since it was opened, for whoever watches it."""

import threading


class Tally:
    """Counts from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.transactions = 0  # committed
        self.commits = 0
        self.errors = 0  # transactions and reads that ended in `Unavailable`

    def committed(self, transactions: int = 1) -> None:
        """Count a commit and the transactions that it made last."""
        with self._lock:
            self.transactions += transactions
            self.commits += 1

    def failed(self) -> None:
        """Count one that the database did not come to, or lost."""
        with self._lock:
            self.errors += 1
