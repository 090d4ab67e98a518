"""Workers that come late, never, or are looked for at a wrong address."""

import socket
import threading
import time

import pytest

from tfadvseg.errors import UserError
from tfadvseg.training.reachability import wait_for_workers
from tfadvseg.training.stopping import Stopped


def free_addresses(count):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    addresses = tuple(f"localhost:{each.getsockname()[1]}" for each in sockets)
    for each in sockets:
        each.close()
    return addresses


def test_workers_that_start_one_after_the_other_find_each_other():
    addresses = free_addresses(3)
    found = []

    def start(index):
        time.sleep(0.3 * index)
        wait_for_workers(addresses, index, "TF_CONFIG", seconds=20)
        # As TensorFlow's server does, which slower workers then find.
        with socket.create_server(("", int(addresses[index].split(":")[1]))):
            found.append(index)
            while len(found) < 3:
                time.sleep(0.01)

    threads = [threading.Thread(target=start, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(found) == [0, 1, 2]


def test_absent_workers_are_named_and_present_ones_are_not(caplog):
    own, absent, present = free_addresses(3)
    unknown = "no-such-host.invalid:2222"
    with socket.create_server(("", int(present.split(":")[1]))), pytest.raises(Stopped) as stopped:
        wait_for_workers((own, absent, present, unknown), 0, "TF_CONFIG", seconds=1)
    assert str(stopped.value) == (
        f"worker 1 ({absent}) did not answer, worker 3 ({unknown}) had no known host name within "
        "1 s. Check TF_CONFIG and start all workers within that time"
    )
    # At once, before the time is over.
    assert f"worker 3 ({unknown}): its host name is unknown" in caplog.text


def test_a_port_in_use_is_refused_at_once():
    addresses = free_addresses(2)
    refused = pytest.raises(UserError, match=r"worker 0 \(localhost:\d+\) cannot listen")
    with socket.create_server(("", int(addresses[0].split(":")[1]))), refused:
        wait_for_workers(addresses, 0, "TF_CONFIG", seconds=1)


def test_the_port_is_free_afterwards():
    addresses = free_addresses(1)
    wait_for_workers(addresses, 0, "TF_CONFIG")
    socket.create_server(("", int(addresses[0].split(":")[1]))).close()
