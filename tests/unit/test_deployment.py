"""Holds the container files, the templates, the settings and the code against each other; beside the flow."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from cli.servers.folder import ROOT, DataFolder
from cli.servers.nginx import TEMPLATE, Nginx, names_in
from cli.servers.rabbitmq import USER, with_user
from cli.services import PROJECTOR_MEMORY
from shared.event_log import DEAD_LOADS, DELIVERIES, LOADS, stream_of
from shared.http.serving import KEEP_ALIVE_S
from shared.settings import Settings, read_settings

SERVICES = {"command_api", "query_api", "projector"}
APIS = {"command_api", "query_api"}
KEYS = {"signing_keys", "public_keys"}
Service = dict[str, Any]  # Any: what YAML holds.


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def service(name: str) -> Service:
    found: Service = compose()["services"][name]
    return found


def built() -> dict[str, Service]:
    """The services that run our own image."""
    return {name: found for name, found in compose()["services"].items() if "build" in found}


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


def filled_in(value: str) -> str:
    """A value with every variable replaced by a word."""
    return re.sub(r"\$\{(\w+)[^}]*\}", r"secret", value)


def test_compose_runs_every_service_and_server() -> None:
    assert set(compose()["services"]) == SERVICES | {"postgres", "rabbitmq", "gateway", "migrate"}
    assert set(built()) == SERVICES | {"migrate"}


@pytest.mark.parametrize("name", sorted(SERVICES | {"migrate"}))
def test_every_service_gets_settings_that_it_can_read_and_no_others(name: str) -> None:
    given: dict[str, str] = built()[name]["environment"]
    environment = {key: value for key, value in given.items() if key not in PROJECTOR_MEMORY}
    known = {f"TABLEFOLD_{field.name.upper()}" for field in msgspec.structs.fields(Settings)}
    assert set(environment) <= known
    settings = read_settings({key: filled_in(value) for key, value in environment.items()})
    assert settings.database_url == "postgresql://tablefold:secret@postgres:5432/tablefold"
    assert settings.amqp_url == "amqp://tablefold:secret@rabbitmq:5672/%2F?heartbeat=5"


@pytest.mark.parametrize("name", sorted(SERVICES | {"migrate"}))
def test_every_command_is_a_module_that_the_image_holds(name: str) -> None:
    python, flag, module, *_ = built()[name]["command"]
    assert (python, flag) == ("python", "-m")
    assert (ROOT / module / "__main__.py").exists()
    assert f"COPY {module} {module}\n" in dockerfile()


@pytest.mark.parametrize("name", sorted(APIS))
def test_every_health_check_asks_an_endpoint_that_exists_where_the_service_listens(name: str) -> None:
    port = service(name)["environment"]["TABLEFOLD_LISTEN"].rpartition(":")[2]
    assert f'"http://127.0.0.1:{port}/health"' in service(name)["healthcheck"]["test"][-1]
    sources = "".join(file.read_text() for file in (ROOT / name).glob("*.py"))
    assert '"/health"' in sources
    assert service("gateway")["environment"][f"GATEWAY_{name.upper()}"] == f"{name}:{port}"


def test_the_gateway_is_checked_where_it_listens_and_published_from_there() -> None:
    gateway = service("gateway")
    port = gateway["environment"]["GATEWAY_LISTEN"]
    assert gateway["healthcheck"]["test"][-1] == f"http://127.0.0.1:{port}/health"
    assert [mapping.rpartition(":")[2] for mapping in gateway["ports"]] == [port]


def test_services_wait_only_for_what_exists_and_can_become_ready() -> None:
    for found in compose()["services"].values():
        for name, wait in found.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in service(name)
            else:
                assert (name, wait["condition"]) == ("migrate", "service_completed_successfully")


def test_projectors_use_memory_in_the_same_way_everywhere() -> None:
    environment = service("projector")["environment"]
    assert {key: environment[key] for key in PROJECTOR_MEMORY} == PROJECTOR_MEMORY
    assert not PROJECTOR_MEMORY.keys() & service("command_api")["environment"].keys()


def test_the_projector_can_be_scaled() -> None:
    assert not {"container_name", "hostname", "ports", "expose"} & set(service("projector"))


def test_rabbitmq_keeps_its_name_and_with_it_its_data() -> None:
    assert service("rabbitmq")["hostname"] == "rabbitmq"


def test_data_outlives_the_containers() -> None:
    mounts = [mount for found in compose()["services"].values() for mount in found.get("volumes", [])]
    named = {mount.partition(":")[0] for mount in mounts if not mount.startswith(".")}
    assert named == set(compose()["volumes"]) == {"postgres", "rabbitmq", "blobs", *KEYS}
    for mount in mounts:
        if mount.startswith("."):
            assert (ROOT / mount.partition(":")[0]).is_file()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_all_services_see_the_same_blobs_in_a_folder_that_belongs_to_their_user(name: str) -> None:
    folder = service(name)["environment"]["TABLEFOLD_BLOBS_URL"].removeprefix("file://")
    assert any(mount.startswith(f"blobs:{folder}") for mount in service(name)["volumes"])
    assert f"install -d -o tablefold -g tablefold {folder}\n" in dockerfile()


def test_only_the_command_api_can_sign_and_only_its_migration_makes_keys() -> None:
    mounts = {name: {mount for mount in found.get("volumes", ()) if "keys" in mount} for name, found in built().items()}
    places = {name: f"{name}:/var/lib/tablefold/{name.replace('_', '-')}" for name in KEYS}
    assert mounts == {
        "migrate": set(places.values()),
        "command_api": {f"{place}:ro" for place in places.values()},
        "query_api": {f"{places['public_keys']}:ro"},
        "projector": set(),
    }
    for name, variable in (("signing_keys", "SIGNING"), ("public_keys", "PUBLIC")):
        folder = places[name].partition(":")[2]
        given = {one for one, found in built().items() if found["environment"].get(f"TABLEFOLD_{variable}_KEYS_FOLDER")}
        assert given == {one for one in built() if any(folder in mount for mount in mounts[one])}
        assert f" {folder}" in dockerfile()


def test_no_password_has_a_default_and_every_one_is_in_the_example_empty() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    variables = set(re.findall(r"\$\{(\w+)", text))
    example = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert variables == set(example)
    passwords = {name for name in variables if "PASSWORD" in name or "KEY" in name}
    assert passwords == {name for name, value in example.items() if not value}
    for name in passwords:
        assert set(re.findall(rf"\$\{{{name}(..)", text)) == {":?"}
    assert not re.search(r"(PASSWORD|KEY): (?!\$\{)", text)


def test_both_ways_of_running_fill_in_every_variable_of_the_gateway(tmp_path: Path) -> None:
    named = names_in(TEMPLATE.read_text())
    private = Nginx(DataFolder(tmp_path), 1, "127.0.0.1:2", "127.0.0.1:3").variables()
    environment = service("gateway")["environment"]
    assert named == set(private) == {name for name in environment if name.startswith("GATEWAY_")}
    assert all(re.match(environment["NGINX_ENVSUBST_FILTER"], name) for name in named)


def test_the_gateway_lets_go_of_an_idle_connection_before_a_service_does() -> None:
    upstreams = re.findall(r"upstream \w+ \{.*?keepalive_timeout (\d+)s;.*?\}", TEMPLATE.read_text(), re.DOTALL)
    assert len(upstreams) == len(APIS)
    assert all(int(idle_s) < KEEP_ALIVE_S for idle_s in upstreams)


def test_the_broker_s_user_is_the_same_everywhere() -> None:
    content = filled_in(compose()["configs"]["rabbitmq_user"]["content"])
    (user,) = json.loads(content)["users"]
    assert user == {"name": USER, "password": "secret", "tags": ["administrator"]}
    definitions = json.loads((ROOT / "rabbitmq" / "definitions.json").read_text())
    assert [permission["user"] for permission in definitions["permissions"]] == [USER]
    assert "users" not in definitions
    assert "password" not in json.dumps(definitions)
    assert with_user("secret")["users"] == [user | {"tags": "administrator", "limits": {}}]


def test_the_user_is_imported_before_its_permissions() -> None:
    rabbitmq = service("rabbitmq")
    folder = "/etc/rabbitmq/definitions"
    assert f"load_definitions = {folder}\n" in compose()["configs"]["rabbitmq_conf"]["content"]
    targets = {config["source"]: config["target"] for config in rabbitmq["configs"]}
    (imported,) = [mount.split(":")[1] for mount in rabbitmq["volumes"] if "definitions.json" in mount]
    assert Path(targets["rabbitmq_user"]).parent == Path(imported).parent == Path(folder)
    assert targets["rabbitmq_user"] < imported


def test_policies_guard_the_streams_and_the_dead_letters_and_nothing_else() -> None:
    definitions = json.loads((ROOT / "rabbitmq" / "definitions.json").read_text())
    patterns = {policy["name"]: policy["pattern"] for policy in definitions["policies"]}
    guarded = {
        policy: [name for name in (stream_of("debts"), LOADS, DEAD_LOADS) if re.search(pattern, name)]
        for policy, pattern in patterns.items()
    }
    assert guarded == {"stream-guard": [stream_of("debts")], "dead-letter-guard": [DEAD_LOADS]}


def test_the_topology_is_described_as_the_code_declares_it() -> None:
    readme = (ROOT / "rabbitmq" / "README.md").read_text()
    for said in (stream_of("<dataset>"), LOADS, DEAD_LOADS, f"x-delivery-limit: {DELIVERIES}"):
        assert f"`{said}`" in readme


def test_the_image_installs_by_hash_for_the_supported_python_and_is_not_root() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    (oldest,) = re.findall(r'requires-python = ">=([\d.]+)"', project)
    assert set(re.findall(r"^FROM python:([\d.]+)-slim", dockerfile(), re.MULTILINE)) == {oldest}
    assert "--require-hashes -r requirements.lock" in dockerfile()
    assert re.findall(r"^USER (.*)$", dockerfile(), re.MULTILINE) == ["tablefold"]


def test_the_build_sees_all_that_the_image_copies_and_nothing_secret() -> None:
    ignored, *allowed = (ROOT / ".dockerignore").read_text().split()
    assert ignored == "*"
    copied = set(re.findall(r"^COPY ([\w.]+) ", dockerfile(), re.MULTILINE))
    assert copied == {rule[1:] for rule in allowed if rule.startswith("!")}
    assert copied == SERVICES | {"shared", "requirements.lock"}
