"""What docs/operating.md tells is so: its variables, commands, quoted sentences, and its proxy in front of the app."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import TimeoutError, sync_playwright

from invlab import __main__ as cli
from invlab import doctor, jobs, kept, logs, roles, store, uploads, weights, worker
from invlab.ui import page as pages
from tests import browser

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "operating.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, cells without their backticks."""
    below = GUIDE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in below.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row] for row in rows]


# ---- settings


def test_the_table_of_variables_is_the_one_that_the_program_reads() -> None:
    told = {row[0].strip("`"): row[1] for row in table("Settings")}
    assert set(told) == set(doctor.SETTINGS)
    for name, values in told.items():
        for value in re.findall(r"`([^`]+)`", values):
            assert re.fullmatch(doctor.SETTINGS[name][0], value), f"{name}={value}"


def test_every_variable_that_the_source_asks_for_is_in_the_table() -> None:
    asked: set[str] = set()
    for file in [*(ROOT / "invlab").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]:
        asked |= set(re.findall(r"[\"'](INVLAB_[A-Z_]+)[\"']", file.read_text()))
    assert asked == set(doctor.SETTINGS)


@pytest.mark.parametrize("variables", [{}, {"INVLAB_HOME": "~/lab"}, {"XDG_CACHE_HOME": "/var/x"}])
def test_the_cache_lies_in_the_home_wherever_that_is(variables: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        for name in ("INVLAB_HOME", "XDG_CACHE_HOME"):
            patch.delenv(name, raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        assert kept.cache_folder() == store.home() / "cache"


# ---- commands


def commands() -> list[str]:
    """Every command line of ours in the guide."""
    found = re.findall(r"python -m invlab [^`\n&|;]*", GUIDE)
    return sorted({command.strip() for command in found if "--help" not in command})


@pytest.mark.parametrize("command", commands())
def test_each_command_is_taken_by_the_real_parser(command: str) -> None:
    words = shlex.split(command)[3:]
    if words[0] == "worker":
        worker.parser().parse_args(words[1:])
        return
    words = ["cifar10" if word == "NAME" else word for word in words]
    assert callable(cli.parser().parse_args(words).run)


def test_the_commands_that_only_ask_for_help_are_there() -> None:
    for name in re.findall(r"`(?:python -m invlab )?(\w+) --help`", GUIDE):
        with pytest.raises(SystemExit) as ended:
            (worker.parser().parse_args(["--help"]) if name == "worker" else cli.parser().parse_args([name, "--help"]))
        assert ended.value.code == 0


def test_services_that_are_named_are_in_the_compose_file() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for line in re.findall(r"docker compose [^\n`]*", GUIDE):
        words = shlex.split(line)
        if "exec" in words:
            assert words[words.index("exec") + 1] in services
        if "python" in words:
            assert words[words.index("python") - 1] in services
        if "--profile" in words:
            profile = words[words.index("--profile") + 1]
            assert any(profile in service.get("profiles", ()) for service in services.values())


def test_the_line_for_cron_makes_a_back_up_and_looks_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = blocks("cron")
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    store.Store(tmp_path / "home").put("cell-" + "a" * 32, {})
    (tmp_path / "backup").mkdir()
    command = line.split(maxsplit=5)[5].replace(r"\%", "%").replace("/backup", str(tmp_path / "backup"))
    command = command.replace("cd /srv/lab", f"cd {shlex.quote(str(ROOT))}")
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "is whole" in ended.stdout
    assert len(list((tmp_path / "backup").glob("lab-*.zip"))) == 1


# ---- numbers and sentences


def test_numbers_are_those_of_the_source() -> None:
    told = " ".join(GUIDE.split())
    assert "client_max_body_size 270m; # the largest upload is a file of weights, 256 MB" in told
    assert max(uploads.LIMITS.bytes_each, weights.UPLOAD_BYTES) == 256 * 2**20
    assert weights.KEPT_BYTES == 2 * 2**30
    assert uploads.AREA_BYTES == 10**9
    assert "all take more than 1 GB" in told
    assert (logs.FILE_BYTES, logs.OLDER) == (5_000_000, 2)
    assert "each kind of log below 15 MB" in told
    assert worker.WEIGHTS_GIB == 4
    assert worker.FORGET_SECONDS == 30 * 86400
    assert worker.ASIDE_SECONDS * worker.MOST_ASIDE == 300
    assert "back to the queue for five minutes" in told


def test_sentences_that_are_quoted_are_said() -> None:
    said = " ".join([jobs.STOPPED, worker.NO_WORKER, pages.NEWER, (ROOT / "invlab" / "files.py").read_text()])
    quoted = [text for row in table("When something is wrong") for text in re.findall(r"\"([^\"]+)\"", row[0])]
    assert len(quoted) == 4
    for text in quoted:
        assert text in said, text


# ---- the proxy


def test_the_proxy_tells_for_whom_it_asks() -> None:
    """Else every visitor who comes through it would count as the person at this machine."""
    told = set(re.findall(r"proxy_set_header (\S+)", blocks("nginx")[0]))
    assert told & set(roles.FORWARDED)
    assert not roles.is_here("127.0.0.1", dict.fromkeys(told, "x"))


def nginx() -> str:
    if found := shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin"):
        return found
    pytest.skip("nginx is not installed")


def certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=lab.example.org"]
    command += ["-keyout", str(folder / "lab.example.org.key"), "-out", str(folder / "lab.example.org.pem")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def configuration(folder: Path, port: int, app: int, balanced: bool) -> Path:
    """The guide's own blocks, on free ports and in a folder of their own."""
    server, upstream = blocks("nginx")
    if balanced:
        server = upstream + server.replace("proxy_pass http://127.0.0.1:8501", "proxy_pass http://lab")
    server = server.replace("listen 443", f"listen 127.0.0.1:{port}").replace("/etc/ssl", str(folder))
    server = server.replace("127.0.0.1:8501", f"127.0.0.1:{app}").replace("127.0.0.1:8503", f"127.0.0.1:{app}")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"pid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{paths}{server}}}\n"
    if os.geteuid() == 0:
        whole = "user root;\n" + whole
    (folder / "nginx.conf").write_text(whole)
    return folder / "nginx.conf"


@pytest.mark.parametrize("balanced", [False, True])
def test_the_nginx_configuration_is_taken(balanced: bool, tmp_path: Path) -> None:
    program = nginx()
    certificate(tmp_path)
    file = configuration(tmp_path, browser.free_port(), 8501, balanced)
    ended = subprocess.run([program, "-t", "-e", "stderr", "-c", str(file)], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.browser
def test_a_page_comes_through_nginx_and_only_with_the_host_that_was_typed(tmp_path: Path) -> None:
    program = nginx()
    with browser.serve(tmp_path / "home", INVLAB_WORKER="0") as app:
        for told, comes in (("as-told", True), ("another-host", False)):
            folder, port = tmp_path / told, browser.free_port()
            folder.mkdir()
            certificate(folder)
            file = configuration(folder, port, app.port, balanced=True)
            if not comes:
                file.write_text(file.read_text().replace("Host $http_host", "Host elsewhere.example.org"))
            proxy = subprocess.Popen([program, "-e", str(folder / "error.log"), "-c", str(file), "-g", "daemon off;"])
            try:
                answering(port)
                assert painted(port, 60 if comes else 8) == (["wss://lab.example.org"], comes)
            finally:
                proxy.send_signal(signal.SIGTERM)
                proxy.wait(20)


def answering(port: int) -> None:
    """Return once something listens there."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("the proxy does not listen")


def painted(port: int, seconds: float) -> tuple[list[str], bool]:
    """Where a page's websockets lead, and whether the page was painted."""
    rules = f"--host-resolver-rules=MAP lab.example.org 127.0.0.1:{port}"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser.chromium_path(), args=[*browser.FLAGS, rules], headless=True
        )
        try:
            page = chromium.new_context(ignore_https_errors=True).new_page()
            sockets: set[str] = set()
            page.on("websocket", lambda opened: sockets.add("/".join(opened.url.split("/")[:3])))
            page.goto("https://lab.example.org/")
            heading = page.get_by_role("heading", name="Invariance Lab")
            with contextlib.suppress(TimeoutError):
                heading.wait_for(timeout=seconds * 1000)
            return sorted(sockets), heading.count() == 1
        finally:
            chromium.close()
