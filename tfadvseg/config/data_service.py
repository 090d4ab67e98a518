"""Rules of `--data_service`, and its addresses."""

import re
from typing import TYPE_CHECKING

from tfadvseg.config.checks import listed, require

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config

_ADDRESS = re.compile(r"grpc://([^:/]+):(\d{1,5})")


def host_and_port(address: str) -> tuple[str, int]:
    """Host and port of an address in the form of `--data_service`."""
    found = _ADDRESS.fullmatch(address)
    assert found is not None, "checked by `check_data_service`"
    return found[1], int(found[2])


def check_data_service(config: "Config") -> None:
    """Refuses addresses that are none, and runs whose batches cannot be shared out.

    Raises:
        UserError: naming the flag.
    """
    addresses = config.run.data_service
    if not addresses:
        return
    given = f"--data_service={listed(addresses)}"
    for address in addresses:
        found = _ADDRESS.fullmatch(address)
        require(
            found is not None and 0 < int(found[2]) < 2**16 - 1,
            f"--data_service={address}: no address; give grpc://host:port, several with commas.",
        )
    require(len(set(addresses)) == len(addresses), f"{given}: names an address twice.")
    require(
        config.run.strategy != "multi_worker",
        f"{given}: with --strategy=multi_worker each worker makes its own windows; leave it out.",
    )
    require(
        not config.loss.boundary_weight,
        f"{given}: maps of --boundary_weight={config.loss.boundary_weight} are made beside S; "
        "leave one of them out.",
    )
    counts = {"global_batch_size": config.windows_per_update}
    if config.few_labels.unlabelled_batch_size:
        counts["unlabelled_batch_size"] = config.unlabelled_per_update
    for flag, windows in counts.items():
        require(
            windows % len(addresses) == 0,
            f"{given}: {len(addresses)} processes cannot share {windows} windows evenly; change "
            f"--{flag}, or the number of addresses.",
        )
