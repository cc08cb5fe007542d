"""A database that is down is looked at by one caller at a time."""

import threading

import pytest

from authserver import errors
from authserver.store.hosts import Hosts, Useless
from authserver.store.mysql_url import Node
from tests.processes import wait_until

ONE, TWO = Node("one.example.org", 3306), Node("two.example.org", 3306)


class Network:
    """Hosts that connect, refuse, or hang until told."""

    def __init__(self):
        self.tried = []
        self.dead = set()
        self.answering = threading.Event()
        self.answering.set()

    def connect(self, node):
        self.tried.append(node)
        self.answering.wait()
        if node in self.dead:
            raise Useless("no answer")
        return node


@pytest.fixture
def network():
    return Network()


def patient():
    return 10.0


def test_the_first_host_that_works_is_kept(network):
    hosts = Hosts((ONE, TWO), network.connect)
    network.dead = {ONE}

    assert [hosts.connect(patient) for _ in range(2)] == [TWO, TWO]
    assert network.tried == [ONE, TWO, TWO]


def test_who_comes_while_somebody_looks_hears_at_once(network):
    hosts = Hosts((ONE,), network.connect)
    network.dead = {ONE}
    with pytest.raises(errors.Unavailable, match="no answer"):
        hosts.connect(patient)
    network.answering.clear()

    def look():
        while len(network.tried) < 2:
            connected(hosts)

    looking = threading.Thread(target=look)
    looking.start()
    wait_until(lambda: len(network.tried) == 2, "a second look")
    with pytest.raises(errors.Unavailable, match="a moment ago"):
        hosts.connect(patient)
    network.answering.set()
    looking.join()


def test_a_database_that_is_back_is_found(network):
    hosts = Hosts((ONE,), network.connect)
    network.dead = {ONE}
    with pytest.raises(errors.Unavailable):
        hosts.connect(patient)

    network.dead.clear()

    assert wait_until(lambda: connected(hosts), "a look") == ONE
    assert hosts.connect(patient) == ONE


def test_hosts_that_were_never_down_are_tried_by_all_at_once(network):
    hosts = Hosts((ONE,), network.connect)
    network.answering.clear()

    threads = [threading.Thread(target=hosts.connect, args=(patient,)) for _ in "12"]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(network.tried) == 2, "two connections begun")
    network.answering.set()
    for thread in threads:
        thread.join()


def connected(hosts):
    try:
        return hosts.connect(patient)
    except errors.Unavailable:
        return None
