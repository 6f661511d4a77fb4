"""A private RabbitMQ node with its own epmd; beside the flow, under the event log."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cli.servers.folder import ROOT, DataFolder
from cli.servers.ports import answers
from cli.servers.processes import Process
from cli.servers.secrets import ADMINISTRATOR, BROKER_SECRETS, Secrets
from shared.errors import BadSettings

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The script behind Debian's wrapper, which insists on root."""
ERLANG = "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
AMQP_GREETING = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"


class Epmd(Process):
    """Erlang's port mapper, on a port of its own so that it ends with its node and knows no other."""

    def __init__(self, folder: DataFolder, port: int) -> None:
        super().__init__("epmd", folder)
        self.port = port

    def command(self) -> list[str]:
        """The mapper in the foreground, on loopback."""
        return ["epmd", "-address", "127.0.0.1", "-port", str(self.port)]

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return answers(self.port)


class RabbitMQ(Process):
    """The node `tablefold@localhost` with its data in `DATA/rabbitmq` and a user for each service that talks to it.

    Its name never changes, so a later start over the same folder finds its queues and streams again.
    """

    stop_s = 25.0

    def __init__(self, folder: DataFolder, port: int, dist_port: int, epmd_port: int) -> None:
        super().__init__("rabbitmq", folder)
        self.port = port
        self._dist_port = dist_port
        self._epmd = Epmd(folder, epmd_port)
        self._home = folder.path / "rabbitmq"

    @property
    def url(self) -> str:
        """As its administrator."""
        return self.url_of(ADMINISTRATOR)

    def url_of(self, user: str) -> str:
        """AMQP 0.9.1, virtual host `/`, with a heartbeat of 5 s, as one of its users."""
        password = self.folder.secret(BROKER_SECRETS[user])
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}/%2F?heartbeat=5"

    def prepare(self) -> None:
        """Write the configuration anew and see that epmd runs; raises BadSettings when RabbitMQ is not installed."""
        if not PROGRAM.exists():
            raise BadSettings("RabbitMQ is not installed: `apt-get install rabbitmq-server`.")
        self._home.mkdir(mode=0o700, exist_ok=True)
        definitions = self._home / "definitions.json"
        definitions.touch(mode=0o600)
        definitions.write_text(json.dumps(definitions_with(self.folder.secrets)))
        (self._home / "enabled_plugins").write_text("[].\n")
        (self._home / "rabbitmq.conf").write_text(
            (ROOT / "rabbitmq" / "rabbitmq.conf").read_text()
            + f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            + f"load_definitions = {definitions}\n"
            + "disk_free_limit.absolute = 200MB\n"
            + "log.console = true\nlog.console.level = warning\nlog.file = false\n"
        )
        self._epmd.start()

    def environment(self) -> dict[str, str]:
        """RabbitMQ's variables over those of the caller, without any of its RABBITMQ_ ones."""
        outer = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        return outer | {
            "HOME": str(self._home),
            "RABBITMQ_NODENAME": "tablefold@localhost",
            "RABBITMQ_MNESIA_BASE": str(self._home / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder.logs),
            "RABBITMQ_CONFIG_FILE": str(self._home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._home / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
            "RUNNING_UNDER_SYSTEMD": "true",  # Makes the script become the server instead of its parent.
            "ERL_EPMD_PORT": str(self._epmd.port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": str(self.folder.logs / "rabbitmq.crash"),
        }

    def command(self) -> list[str]:
        """The node in the foreground."""
        return [str(PROGRAM)]

    def is_ready(self) -> bool:
        """Whether it speaks AMQP."""
        return answers(self.port, AMQP_GREETING, starts=METHOD_FRAME)

    def wait_until_stopped(self) -> None:
        """Return when the node and its epmd are gone."""
        super().wait_until_stopped()
        self._epmd.stop()


def definitions_with(secrets: Secrets) -> dict[str, object]:
    """The committed definitions and the users whom they give permissions."""
    definitions: dict[str, object] = json.loads((ROOT / "rabbitmq" / "definitions.json").read_text())
    return definitions | {"users": secrets.users()}
