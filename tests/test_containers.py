"""What Dockerfile and compose.yaml name is there, and their commands are commands of ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import streamlit.web.cli
import yaml

from invlab import compiled, doctor, worker

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())


def instructions(name: str) -> list[str]:
    """The arguments of every such line of the Dockerfile, joined lines as one."""
    lines = re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)
    return [line for line in lines if line]


def check_command(command: list[str]) -> None:
    """Raises, or exits, where the real argument parser would not take it."""
    assert command[:2] == ["python", "-m"]
    if command[2:4] == ["invlab", "worker"]:
        worker.parser().parse_args(command[4:])
        return
    assert command[2:4] == ["streamlit", "run"]
    assert (ROOT / command[4]).is_file()
    streamlit.web.cli.main_run.make_context("run", command[4:])


def test_the_images_own_command_is_taken() -> None:
    check_command(json.loads(instructions("CMD")[-1]))


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "command" in service])
def test_the_services_commands_are_taken(name: str) -> None:
    check_command(SERVICES[name]["command"])


def test_a_wrong_command_would_be_noticed() -> None:
    with pytest.raises(SystemExit):
        check_command(["python", "-m", "invlab", "worker", "--wieghts-gib", "4"])
    with pytest.raises(Exception, match="No such option"):
        check_command(["python", "-m", "streamlit", "run", "app.py", "--server.adress", "0.0.0.0"])  # noqa: S104


def test_what_is_copied_is_there_and_nothing_secret() -> None:
    lines = [line.split() for line in instructions("COPY") if "--from=" not in line]
    copied = [source for line in lines for source in line[:-1]]
    assert {"app.py", "invlab", "pages", "models", ".streamlit", "requirements.txt"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists(), source
    assert "benchmarks/results" in copied  # the page Benchmarks reads it; the scripts stay outside
    assert {"benchmarks/*", "!benchmarks/results"} <= set((ROOT / ".dockerignore").read_text().splitlines())
    assert "passphrase.txt" in (ROOT / ".dockerignore").read_text().splitlines()
    assert "passphrase.txt" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_stage_with_the_compiler_has_what_it_needs_and_its_library_is_taken(tmp_path: Path) -> None:
    stage = DOCKERFILE.split("FROM ")[1]
    *sources, folder = re.findall(r"^COPY (.*)$", stage, re.MULTILINE)[0].split()
    (tmp_path / folder).mkdir()
    for source in sources:
        shutil.copy(ROOT / source, tmp_path / folder)
    command = re.findall(r"^RUN python (.*?)(?: &&|$)", stage, re.MULTILINE)[0].split()
    subprocess.run([sys.executable, *command], cwd=tmp_path, check=True)
    (taken,) = (line.split() for line in instructions("COPY") if "--from=" in line)
    assert taken[0] == "--from=kernels"
    assert stage.splitlines()[0].endswith(" AS kernels")
    found = list(tmp_path.glob(taken[1].removeprefix("/app/")))
    assert [file.name for file in found] == [compiled.built().name]
    assert taken[2] == "invlab/"


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in instructions("ENV") for pair in line.split())


@pytest.mark.parametrize("name", ["image", *SERVICES])
def test_variables_are_known_and_their_values_valid(name: str) -> None:
    given = image_environment() if name == "image" else SERVICES[name].get("environment", {})
    for variable, value in given.items():
        if variable.startswith("INVLAB_"):
            assert re.fullmatch(doctor.SETTINGS[variable][0], value), f"{variable}={value}"


def test_the_home_lies_in_the_volume_but_is_not_it() -> None:
    (mount,) = instructions("VOLUME")
    home = image_environment()["INVLAB_HOME"]
    assert Path(mount) in Path(home).parents
    for service in SERVICES.values():
        (volume,) = service["volumes"]
        source, target = volume.split(":")
        assert source in COMPOSE["volumes"]
        assert target == mount


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert instructions("USER") == ["invlab"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["mem_limit"]
    assert service["cpus"]
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:")
    seconds = int(service["stop_grace_period"].removesuffix("s"))
    assert seconds > worker.GRACE_SECONDS


def test_each_service_tells_of_its_health() -> None:
    code = SERVICES["worker"]["healthcheck"]["test"][3]
    compile(code, "compose.yaml", "exec")
    compile(json.loads(instructions("HEALTHCHECK")[0].split("CMD ", 1)[1])[2], "Dockerfile", "exec")


def test_a_worker_that_is_there_is_healthy_and_none_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from invlab import jobs

    code = SERVICES["worker"]["healthcheck"]["test"][3]
    queue = jobs.Queue(tmp_path / "queue.sqlite3")
    monkeypatch.setattr(jobs, "Queue", lambda: queue)
    with pytest.raises(SystemExit) as ended:
        exec(code)  # noqa: S102 - our own file
    assert ended.value.code
    queue.sign_on("w-1")
    with pytest.raises(SystemExit) as ended:
        exec(code)  # noqa: S102 - our own file
    assert not ended.value.code


def test_the_passphrase_comes_from_a_file_and_stands_nowhere_else() -> None:
    assert SERVICES["web"]["secrets"] == ["passphrase"]
    told = SERVICES["web"]["environment"]["INVLAB_PASSPHRASE_FILE"]
    assert told.split("/") == ["", "run", "secrets", "passphrase"]
    assert COMPOSE["secrets"]["passphrase"]["file"] == "./passphrase.txt"
    for service in SERVICES.values():
        assert "INVLAB_PASSPHRASE" not in service.get("environment", {})


def test_only_one_service_computes() -> None:
    computing = [name for name, service in SERVICES.items() if "worker" in service.get("command", ())]
    assert computing == ["worker"]
    for name in ("web", "view"):
        assert SERVICES[name]["environment"]["INVLAB_WORKER"] == "0"
