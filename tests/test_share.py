"""What one pushes another has: through a folder and through a real ssh server, without training."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import asyncssh
import pytest
import srsly

from tests.projects import commit, copy_project, sh, stages_run

pytestmark = pytest.mark.slow

# Where it is, and the environment to reach it in.
Remote = tuple[str, dict[str, str]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has run once; nobody changes it."""
    folder = copy_project(tmp_path_factory.mktemp("share") / "project")
    sh(folder, "dvc", "repro")
    commit(folder)
    return folder


def write_key(home: Path) -> str:
    """Make a key in a home folder; return its public half."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    key.write_private_key(home / ".ssh/store")
    (home / ".ssh/store").chmod(0o600)
    return key.export_public_key().decode()


def name_host(home: Path, port: int) -> None:
    """Tell ssh in a home folder what `store` is, and which key to show there."""
    lines = ["Host store", "HostName 127.0.0.1", f"Port {port}", "User team"]
    (home / ".ssh/config").write_text("\n".join([*lines, "IdentityFile ~/.ssh/store\n"]))


@contextmanager
def ssh_server(public: str) -> Iterator[int]:
    """An ssh server, on this machine alone, that lets in the one key; its port."""

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            authorized_client_keys=asyncssh.import_authorized_keys(public),
            sftp_factory=True,
        )

    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(timeout=600)
    try:
        yield server.get_port()
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=600)


def environment(home: Path) -> dict[str, str]:
    """A home folder of its own, and no agent that could know other keys."""
    return {"HOME": str(home), "SSH_AUTH_SOCK": ""}


@pytest.fixture(params=["folder", "ssh"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    """A remote without anything in it."""
    store = tmp_path / "store"
    if request.param == "folder":
        yield str(store), {}
        return
    home = tmp_path / "home"
    with ssh_server(write_key(home)) as port:
        name_host(home, port)
        yield f"ssh://store{store}", environment(home)


def share(project: Path, folder: Path, url: str) -> Path:
    """A copy of the project whose committed configuration names the remote."""
    shutil.copytree(project, folder)
    sh(folder, "dvc", "remote", "add", "-d", "team", url)
    commit(folder)
    return folder


def clone(origin: Path, folder: Path) -> Path:
    """The git repository elsewhere: none of DVC's cache comes along."""
    sh(origin, "git", "clone", "--quiet", str(origin), str(folder))
    assert not (folder / ".dvc/cache").exists()
    return folder


def measured(folder: Path) -> dict[str, bytes]:
    """The bytes of everything that `evaluate` writes."""
    outs = srsly.read_yaml(folder / "dvc.lock")["stages"]["evaluate"]["outs"]
    return {out["path"]: (folder / out["path"]).read_bytes() for out in outs}


def is_clean(folder: Path) -> bool:
    return sh(folder, "git", "status", "--porcelain").stdout == ""


def test_what_one_pushes_another_has_and_can_evaluate(
    project: Path, remote: Remote, tmp_path: Path
) -> None:
    url, env = remote
    first = share(project, tmp_path / "first", url)
    assert "pushed" in sh(first, "dvc", "push", "--run-cache", check=True, **env).stdout
    assert list((tmp_path / "store").rglob("*.dir")) and list((tmp_path / "store").glob("runs/*"))
    second = clone(first, tmp_path / "second")
    # To evaluate, what three stages made is enough.
    sh(second, "dvc", "pull", "fetch", "preprocess", "assemble", check=True, **env)
    assert not (second / "training/model-best").exists()
    command = ("dvc", "repro", "--single-item", "--force", "evaluate")
    assert stages_run(sh(second, *command).stdout) == ["evaluate"]
    assert measured(second) == measured(project)
    sh(second, "dvc", "pull", check=True, **env)
    assert (second / "training/model-best").exists()
    assert stages_run(sh(second, "dvc", "repro").stdout) == []
    assert is_clean(second)


def test_a_forgotten_push_is_said_and_what_is_missing_named(project: Path, tmp_path: Path) -> None:
    first = share(project, tmp_path / "first", str(tmp_path / "store"))
    second = clone(first, tmp_path / "second")
    done = sh(second, "dvc", "pull", check=False)
    assert done.returncode != 0
    assert "Checkout failed for following targets" in done.stderr
    assert "training/model\n" in done.stderr and "metrics/predictions.jsonl\n" in done.stderr
    status = ("dvc", "data", "status", "--not-in-remote")
    assert "Not in remote" in sh(first, *status).stdout
    # What git has is untouched, and after the push all is well.
    assert is_clean(second)
    sh(first, "dvc", "push")
    assert "Not in remote" not in sh(first, *status).stdout
    sh(second, "dvc", "pull")
    assert measured(second) == measured(project)
    assert stages_run(sh(second, "dvc", "repro").stdout) == []


def test_ssh_asks_nobody_and_without_the_key_nothing_comes(project: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    write_key(stranger)
    with ssh_server(write_key(tmp_path / "home")) as port:
        name_host(stranger, port)
        first = share(project, tmp_path / "first", f"ssh://store{tmp_path}/store")
        done = sh(first, "dvc", "push", check=False, **environment(stranger))
    assert done.returncode != 0 and "Permission denied" in done.stderr
    assert not (tmp_path / "store").exists()


def test_git_has_the_figures_and_dvc_the_data(project: Path) -> None:
    tracked = sh(project, "git", "ls-files").stdout.splitlines()
    assert {"dvc.lock", ".dvc/config"} <= set(tracked)
    for stage in srsly.read_yaml(project / "dvc.yaml")["stages"].values():
        for out in [*stage.get("outs", []), *stage.get("metrics", [])]:
            ((path, options),) = out.items() if isinstance(out, dict) else [(out, {})]
            in_git = any(name == path or name.startswith(f"{path}/") for name in tracked)
            assert in_git == (options.get("cache") is False), path


def test_a_password_of_a_remote_stays_out_of_git(project: Path, tmp_path: Path) -> None:
    first = share(project, tmp_path / "first", "ssh://store/srv/model")
    sh(first, "dvc", "remote", "modify", "--local", "team", "password", "a secret")
    assert "a secret" in (first / ".dvc/config.local").read_text(encoding="utf8")
    assert is_clean(first)
