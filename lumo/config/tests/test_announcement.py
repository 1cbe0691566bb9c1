"""What a running `lumo up` tells the other commands."""

import json
from pathlib import Path

import pytest

from lumo.config.announcement import Announcement, announced, find_announcement
from lumo.lib.settings import Settings, SettingsError


def test_it_is_found_while_it_holds_and_gone_after(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new", public_url="https://lumo.example.com", sandbox=True)
    assert find_announcement(settings.data_dir) is None
    with announced(settings):
        found = find_announcement(settings.data_dir)
        assert isinstance(found, Announcement)
        assert (found.listen, found.public_url, found.sandbox) == ("127.0.0.1:8000", "https://lumo.example.com", True)
    assert list(settings.data_dir.iterdir()) == []


def test_what_a_killed_one_left_behind_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "running.json").write_text(
        json.dumps({"pid": 1, "listen": "127.0.0.1:1", "public_url": "", "sandbox": False})
    )
    assert find_announcement(tmp_path) is None


def test_a_second_one_on_the_data_folder_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with announced(settings):
        with pytest.raises(SettingsError, match="already running"), announced(settings):
            pass
        assert find_announcement(tmp_path)
