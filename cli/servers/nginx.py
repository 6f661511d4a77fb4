"""The gateway: a private nginx that makes one origin of two services; beside the flow, at both of its ends."""

from __future__ import annotations

import os
import re
import shutil

from cli.servers.folder import ROOT, DataFolder
from cli.servers.ports import answers
from cli.servers.processes import Process
from shared.errors import BadSettings

TEMPLATE = ROOT / "gateway" / "nginx.conf.template"


class Nginx(Process):
    """GET and HEAD on 127.0.0.1:port go to `query_api`, everything else to `command_api` (both `host:port`)."""

    stop_s = 5.0

    def __init__(self, folder: DataFolder, port: int, command_api: str, query_api: str) -> None:
        super().__init__("gateway", folder)
        self.port = port
        self._home = folder.path / "gateway"
        self._command_api = command_api
        self._query_api = query_api

    @property
    def url(self) -> str:
        """The origin, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def variables(self) -> dict[str, str]:
        """What the template needs."""
        return {
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port}",
            "GATEWAY_COMMAND_API": self._command_api,
            "GATEWAY_QUERY_API": self._query_api,
            "GATEWAY_FOLDER": str(self._home),
        }

    def prepare(self) -> None:
        """Write its configuration anew."""
        self._home.mkdir(mode=0o700, exist_ok=True)
        text = TEMPLATE.read_text()
        for name, value in self.variables().items():
            text = text.replace(f"${{{name}}}", value)
        (self._home / "nginx.conf").write_text(text)

    def command(self) -> list[str]:
        """nginx in the foreground; its workers stay the user who calls."""
        root = "user root;" if os.geteuid() == 0 else ""
        configuration = ["-c", str(self._home / "nginx.conf"), "-g", f"daemon off; {root}"]
        return [nginx_program(), "-p", str(self._home), "-e", "stderr", *configuration]

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return answers(self.port)


def nginx_program() -> str:
    """Where nginx is; raises BadSettings when it is not installed."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise BadSettings("nginx is not installed: `apt-get install nginx`.")
    return found


def names_in(template: str) -> set[str]:
    """The `${NAME}` variables of a template; nginx's own are written without braces."""
    return set(re.findall(r"\$\{(\w+)\}", template))
