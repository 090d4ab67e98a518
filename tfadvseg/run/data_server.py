"""The process that makes a part of every training batch of a run on another machine.

TensorFlow's data service hands out the batches. Its usual way, in which the run sends the pipeline,
does not work for pipelines that call Python functions to read files. So this process makes the
run's pipelines itself, from the same flags, and registers them, one per phase and epoch.
"""

import dataclasses
import json
import socket
import time
from typing import Any, NoReturn

import tensorflow as tf
from absl import logging

from tfadvseg import __version__
from tfadvseg.config import Config
from tfadvseg.config.data_service import host_and_port
from tfadvseg.data.examples import Examples
from tfadvseg.data.on_disk import HeldArray, OnDisk
from tfadvseg.data.shares import Share
from tfadvseg.errors import UserError
from tfadvseg.flags.flagfile import flag_values
from tfadvseg.methods.building import prepare_training
from tfadvseg.run.checks import check_start
from tfadvseg.run.inputs import make_inputs
from tfadvseg.run.loading import RunData, load_data
from tfadvseg.run.networks import build_networks
from tfadvseg.run.parts import Parts
from tfadvseg.run.served_batches import FACTS, batches_name
from tfadvseg.training.types import Phase


def serve_data(config: Config, part: int = 0, parts: Parts | None = None) -> NoReturn:
    """Makes one part of every training batch, until the process is ended.

    Args:
        config: the run's configuration; the part's address is `run.data_service[part]`.
        part: number of the part.
        parts: the user's own parts, as in `experiment.run_experiment`.

    Raises:
        UserError: there is no such part, its port is in use, or what `run_experiment` raises
            before training.
    """
    server = DataServer(config, part, parts)
    count = len(config.run.data_service)
    for epoch in range(config.run.epochs):
        server.register(epoch)
        if not epoch:
            logging.info("%s: makes part %d of %d.", server.address, part, count)
    logging.info("%s: batches of all epochs can be fetched.", server.address)
    while True:
        time.sleep(3600)


class DataServer:
    """A server of one part of every batch; epochs can be fetched once they are registered.

    Attributes:
        address: the address, as in `--data_service`.
    """

    def __init__(self, config: Config, part: int = 0, parts: Parts | None = None) -> None:
        """Listens at the address, loads the data and registers the facts about the run.

        Args, Raises:
            As `serve_data`.
        """
        addresses, parts = config.run.data_service, parts or Parts()
        if not addresses:
            raise UserError("--data_service: names no address; give that of each process.")
        if not 0 <= part < len(addresses):
            raise UserError(
                f"--part={part}: --data_service has {len(addresses)} addresses; take 0 to "
                f"{len(addresses) - 1}."
            )
        self.address = addresses[part]
        start = check_start(config, parts)
        # First, because a port in use is told at once, and a run waits for a server that loads.
        self._servers = _listen(self.address)
        if config.run.deterministic:
            tf.config.experimental.enable_op_determinism()
        tf.keras.utils.set_random_seed(config.run.seed)
        data = load_data(config, parts.examples)
        networks = build_networks(start, data, parts, tf.distribute.get_strategy())
        share = Share(part, len(addresses))
        inputs = make_inputs(_by_functions(data), networks.spec, 1, share)
        training = prepare_training(data.config, networks.state, inputs.feed, networks.terms)
        self._phases: tuple[Phase, ...] = networks.method.phases(training)
        self._kept: list[tf.data.Dataset] = []  # with the Python functions that they call
        facts = {
            "version": __version__,
            "flags": flag_values(config),
            "data": data.fingerprint,
            "part": part,
            "parts": len(addresses),
            "epochs": config.run.epochs,
        }
        self._register(FACTS, tf.data.Dataset.from_tensors(json.dumps(facts)))

    def register(self, epoch: int) -> None:
        """Lets the batches of an epoch be fetched."""
        for number, phase in enumerate(self._phases):
            self._register(batches_name(number, epoch), phase.batches(epoch, 0))

    def _register(self, name: str, dataset: tf.data.Dataset) -> None:
        dispatcher, _ = self._servers
        self._kept.append(dataset)
        tf.data.experimental.service.register_dataset(
            dispatcher.target, dataset, compression=None, dataset_id=name
        )


def _listen(address: str) -> tuple[Any, Any]:
    """The service's two servers: the one at the address, and at the next port that of the data."""
    service = tf.data.experimental.service
    host, port = host_and_port(address)
    for used in (port, port + 1):
        try:  # TensorFlow's servers would share a port with others
            socket.create_server(("", used)).close()
        except OSError as error:
            raise UserError(
                f"--data_service={address}: cannot listen at port {used} of this machine "
                f"({error.strerror}); end the process that uses it, or give another port."
            ) from None
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=port))
    worker = service.WorkerServer(
        service.WorkerConfig(
            dispatcher_address=f"localhost:{port}",
            worker_address=f"{host}:{port + 1}",
            port=port + 1,
        )
    )
    return dispatcher, worker


def _by_functions(data: RunData) -> RunData:
    """The same examples, read by functions of this process: pipelines do not contain the pixels."""

    def held(examples: Examples) -> Examples:
        if isinstance(examples.images, OnDisk):
            return examples
        labels = examples.labels
        return dataclasses.replace(
            examples,
            images=OnDisk(map(HeldArray, examples.images)),
            labels=None if labels is None else OnDisk(map(HeldArray, labels)),
        )

    splits = data.splits
    return dataclasses.replace(
        data,
        splits=dataclasses.replace(splits, train=held(splits.train), val=held(splits.val)),
        unlabelled=data.unlabelled and held(data.unlabelled),
        masks=data.masks and held(data.masks),
    )
