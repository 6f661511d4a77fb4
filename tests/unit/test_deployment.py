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
from cli.servers.postgres import NO_VALUES, SETTINGS
from cli.servers.rabbitmq import definitions_with
from cli.servers.secrets import BROKER_SECRETS, DATABASE_SECRETS, IN_CONTAINERS, USERS_FILE, make_for_containers
from cli.services import PROJECTOR_MEMORY
from cli.variables import ROLES
from command_api import privileges
from command_api.passwords import Passwords
from shared.event_log import DEAD_LOADS, DEAD_LOADS_ARGUMENTS, DELIVERIES, EVENTS, LOADS, LOADS_ARGUMENTS, stream_of
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


def definitions() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "rabbitmq" / "definitions.json").read_text())
    return loaded


def secrets_of(name: str) -> set[str]:
    """The files in /run/secrets of a service."""
    return {one for one in service(name).get("secrets", ()) if isinstance(one, str)}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The folder ./secrets, filled."""
    folder = tmp_path / "secrets"
    make_for_containers(folder)
    return folder


def test_compose_runs_every_service_and_server() -> None:
    assert set(compose()["services"]) == SERVICES | {"postgres", "rabbitmq", "gateway", "migrate"}
    assert set(built()) == SERVICES | {"migrate"}


@pytest.mark.parametrize("name", sorted(SERVICES | {"migrate"}))
def test_every_service_gets_settings_that_it_can_read_and_a_role_and_a_user_of_its_own(
    name: str, secrets: Path
) -> None:
    given: dict[str, str] = built()[name]["environment"]
    environment = {key: value for key, value in given.items() if key not in PROJECTOR_MEMORY}
    known = {f"TABLEFOLD_{field.name.upper()}" for field in msgspec.structs.fields(Settings)}
    assert {key.removesuffix("_FILE") for key in environment} <= known
    assert {Path(value).name for key, value in environment.items() if key.endswith("_FILE")} == secrets_of(name)
    settings = read_settings({key: value.replace("/run/secrets", str(secrets)) for key, value in environment.items()})
    role = ROLES.get(name, "tablefold")
    password = (secrets / DATABASE_SECRETS.get(role, "postgres")).read_text()
    assert settings.database_url == f"postgresql://{role}:{password}@postgres:5432/tablefold"
    if name in ("command_api", "projector"):
        password = (secrets / BROKER_SECRETS[role]).read_text()
        assert settings.amqp_url == f"amqp://{role}:{password}@rabbitmq:5672/%2F?heartbeat=5"
    else:
        assert settings.amqp_url == ""
    made = privileges.passwords_of(settings)
    assert made == ({r: (secrets / f).read_text() for r, f in DATABASE_SECRETS.items()} if name == "migrate" else {})


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


def test_postgresql_logs_no_values_anywhere() -> None:
    assert {f"--{name}={value}" for name, value in NO_VALUES.items()} <= set(service("postgres")["command"])
    assert NO_VALUES.items() <= SETTINGS.items()


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


def test_every_secret_is_a_file_that_one_command_makes_and_nothing_else_holds_one(secrets: Path) -> None:
    named = {name: Path(found["file"]) for name, found in compose()["secrets"].items()}
    assert {path.parent for path in named.values()} == {Path("secrets")}
    assert {path.name for path in named.values()} == {path.name for path in secrets.iterdir()} - {"rabbitmq"}
    assert {path.name for path in secrets.iterdir()} == {*IN_CONTAINERS, USERS_FILE}
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o644}
    assert "/secrets/\n" in (ROOT / ".gitignore").read_text()
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    make_for_containers(secrets)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    assert len(set(before.values())) == len(before)
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.findall(r"(?m)^ *\w*(?:PASSWORD|KEY|SECRET): .*$|://\w*:[^/@]*@", text)


def test_the_migration_alone_makes_the_first_administrator_from_a_secret_that_is_a_good_password(secrets: Path) -> None:
    given = {name: found["environment"] for name, found in built().items()}
    told = {name for name, environment in given.items() if any("ADMINISTRATOR" in one for one in environment)}
    assert told == {name for name in compose()["services"] if "administrator" in secrets_of(name)} == {"migrate"}
    settings = read_settings(
        {key: value.replace("/run/secrets", str(secrets)) for key, value in given["migrate"].items()}
    )
    assert settings.administrator == "administrator"
    assert settings.administrator_password == (secrets / "administrator").read_text()
    Passwords().check(settings.administrator_password, settings.administrator)


def test_every_variable_of_compose_is_in_the_example() -> None:
    variables = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert variables == set(re.findall(r"(?m)^(\w+)=", (ROOT / ".env.example").read_text()))


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


def test_the_broker_s_users_are_the_same_everywhere_and_guest_is_not_among_them(secrets: Path, tmp_path: Path) -> None:
    permitted = {permission["user"] for permission in definitions()["permissions"]}
    assert permitted == set(BROKER_SECRETS) == {"tablefold", ROLES["command_api"], ROLES["projector"]}
    assert "users" not in definitions()
    assert "password" not in json.dumps(definitions())
    folder = DataFolder(tmp_path)
    folder.secrets.folder.mkdir(exist_ok=True)
    local = json.loads(json.dumps(definitions_with(folder.secrets)))
    for users in (json.loads((secrets / USERS_FILE).read_text())["users"], local["users"]):
        assert {user["name"]: user["tags"] for user in users} == dict.fromkeys(permitted, "") | {
            "tablefold": "administrator"
        }
        assert len({user["password"] for user in users}) == len(users)


def test_users_are_imported_before_their_permissions() -> None:
    rabbitmq = service("rabbitmq")
    folder = "/etc/rabbitmq/definitions"
    assert f"load_definitions = {folder}\n" in compose()["configs"]["rabbitmq_conf"]["content"]
    (users,) = rabbitmq["secrets"]
    (imported,) = [mount.split(":")[1] for mount in rabbitmq["volumes"] if "definitions.json" in mount]
    assert Path(users["target"]).parent == Path(imported).parent == Path(folder)
    assert users["target"] < imported


def test_a_user_of_the_broker_may_what_its_service_does_and_nothing_else() -> None:
    permissions = {permission.pop("user"): permission for permission in definitions()["permissions"]}
    names = ("", "amq.default", EVENTS, stream_of("debts"), LOADS, DEAD_LOADS, f"{LOADS}x", "tablefold.eventsx")

    def may(user: str, what: str) -> set[str]:
        return {name for name in names if name and re.search(permissions[user][what], name)}

    command, projector = ROLES["command_api"], ROLES["projector"]
    for what in ("configure", "write", "read"):
        assert may(command, what) == {EVENTS, stream_of("debts")}
    assert may(projector, "configure") == set()
    assert may(projector, "write") == {LOADS}
    assert may(projector, "read") == {stream_of("debts"), LOADS, DEAD_LOADS}


def test_the_definitions_make_the_queues_as_the_code_would() -> None:
    queues = {queue["name"]: queue["arguments"] for queue in definitions()["queues"]}
    assert queues == {LOADS: LOADS_ARGUMENTS, DEAD_LOADS: DEAD_LOADS_ARGUMENTS}
    assert {(one["name"], one["type"], one["durable"]) for one in definitions()["exchanges"]} == {
        (EVENTS, "direct", True),
        (LOADS, "direct", True),
    }
    (bound,) = definitions()["bindings"]
    assert (bound["source"], bound["destination"], bound["routing_key"]) == (LOADS, LOADS, LOADS)


def test_policies_guard_the_streams_and_the_dead_letters_and_nothing_else() -> None:
    patterns = {policy["name"]: policy["pattern"] for policy in definitions()["policies"]}
    guarded = {
        policy: [name for name in (stream_of("debts"), LOADS, DEAD_LOADS) if re.search(pattern, name)]
        for policy, pattern in patterns.items()
    }
    assert guarded == {"stream-guard": [stream_of("debts")], "dead-letter-guard": [DEAD_LOADS]}


def test_the_topology_is_described_as_the_code_declares_it() -> None:
    readme = (ROOT / "rabbitmq" / "README.md").read_text()
    for said in (stream_of("<dataset>"), EVENTS, LOADS, DEAD_LOADS, f"x-delivery-limit: {DELIVERIES}"):
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
