"""Reading ahead and writing behind: the order, the overlap and the errors."""

import threading

import pytest

from tfadvseg.run.side_work import PENDING, read_ahead, written_behind

WAIT = 30  # seconds after which a test fails instead of hanging


def test_items_are_read_in_order_and_one_ahead():
    started = [threading.Event() for _ in range(3)]

    def read(number: int) -> int:
        started[number].set()
        return 10 * number

    seen = []
    for value in read_ahead(read, range(3)):
        seen.append(value)
        assert started[min(len(seen), 2)].wait(WAIT), "the next one is read meanwhile"
    assert seen == [0, 10, 20]


def test_an_item_that_cannot_be_read_fails_in_its_turn():
    def read(number: int) -> int:
        return 1 // (1 - number)

    items = read_ahead(read, range(3))
    assert next(items) == 1
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_writing_goes_on_meanwhile_and_ends_with_the_context():
    may_write, written = threading.Event(), []

    def write(number: int) -> None:
        assert may_write.wait(WAIT)
        written.append(number)

    with written_behind() as later:
        for number in range(PENDING):
            later(write, number)
        assert not written, "the caller did not wait"
        may_write.set()
    assert sorted(written) == list(range(PENDING))


def test_no_more_than_a_few_calls_wait():
    running, waits = threading.Semaphore(0), []

    def write() -> None:
        assert running.acquire(timeout=WAIT)

    def release() -> None:
        waits.append(len(waits))
        running.release(PENDING + 1)

    with written_behind() as later:
        for _ in range(PENDING):
            later(write)
        timer = threading.Timer(0.2, release)
        timer.start()
        later(write)  # waits for the first
        assert waits, "the call did not wait"


def test_what_writing_raises_is_raised_at_the_end():
    def write() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"), written_behind() as later:
        later(write)
