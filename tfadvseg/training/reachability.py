"""Whether the workers of a cluster reach each other, before TensorFlow joins them.

TensorFlow waits for absent workers without a word, and runs no Python code meanwhile.
"""

import socket
import time
from dataclasses import dataclass, field
from threading import Thread

from absl import logging

from tfadvseg.errors import UserError
from tfadvseg.training.stopping import Stopped

WAIT_SECONDS = 60.0
_TRY_SECONDS, _PAUSE_SECONDS = 2.0, 0.2
_BACKLOG = 1024


def wait_for_workers(
    addresses: tuple[str, ...], index: int, source: str, seconds: float = WAIT_SECONDS
) -> None:
    """Returns once every other worker accepts connections.

    Each worker listens at its own port while it waits. Later TensorFlow's server listens there, so
    a slower worker still gets an answer.

    Args:
        addresses: host:port of each worker.
        index: of this worker.
        source: where the addresses come from, for messages.
        seconds: to wait.

    Raises:
        UserError: this worker cannot listen at its port.
        Stopped: naming the workers that did not answer in time.
    """
    own = addresses[index]
    try:
        listener = socket.create_server(("", _port(own)), backlog=_BACKLOG)
    except OSError as error:
        raise UserError(
            f"{source}: worker {index} ({own}) cannot listen at its port here ({error.strerror}); "
            "end the process that uses it, or take another port."
        ) from None
    with listener:
        deadline = time.monotonic() + seconds
        others = [_Probe(f"worker {i} ({it})", it) for i, it in enumerate(addresses) if i != index]
        threads = [Thread(target=other.run, args=(deadline,), daemon=True) for other in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        absent = [other for other in others if not other.answered]
    if absent:
        raise Stopped(
            f"{', '.join(f'{other.name} {other.reason}' for other in absent)} within "
            f"{seconds:.0f} s. Check {source} and start all workers within that time"
        )


@dataclass
class _Probe:
    """Attempts to connect to one worker."""

    name: str
    address: str
    answered: bool = False
    reason: str = field(default="did not answer", init=False)

    def run(self, deadline: float) -> None:
        host = self.address.rpartition(":")[0].strip("[]")
        while time.monotonic() < deadline and not self.answered:
            try:
                socket.create_connection((host, _port(self.address)), _TRY_SECONDS).close()
                self.answered = True
            except socket.gaierror:
                if self.reason != _UNKNOWN:  # names of a cluster may appear later
                    logging.warning("%s: its host name is unknown; still trying.", self.name)
                self.reason = _UNKNOWN
                time.sleep(_PAUSE_SECONDS)
            except OSError:
                self.reason = "did not answer"
                time.sleep(_PAUSE_SECONDS)


_UNKNOWN = "had no known host name"


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
