"""Module marked_block: a block of ours at the top of a file of somebody else's, which stays as it is to the byte."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shortstop.django.plugins.module_utils.marked_block import MuddledError, replaced, split
from ansible_collections.shortstop.django.plugins.modules import marked_block

OURS = "# BEGIN shortstop.django a\nours\n# END shortstop.django a\n"
OTHER = "# BEGIN shortstop.django b\ntheirs\n# END shortstop.django b\n"
# What people's files hold: other tools' marks, line ends of all kinds or none, bytes that are no UTF-8, halves of words of ours.
LINES = st.sampled_from(["Host *", "# BEGIN ANSIBLE MANAGED BLOCK", "# BEGIN shortstop.djangoa", "|1|x=|y= ssh-rsa A", "\udcff", "é\u2028", "\x0c\x85", ""])
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", ""])
TEXTS = st.lists(st.tuples(LINES | st.text(st.characters(exclude_categories=["Cs"])), ENDS).map("".join)).map("".join)
BLOCKS = st.lists(st.from_regex(r"[a-z]+( [a-z]+)*", fullmatch=True), min_size=1).map("\n".join)


def rest(text: str, name: str = "a") -> str:
    before, _own, after = split(text, name)
    return "".join(before + after)


def test_it_works():
    assert replaced("Host *\n", "a", "ours") == f"{OURS}Host *\n"
    assert replaced(f"{OURS}Host *\n", "a", "") == "Host *\n"


@given(TEXTS, BLOCKS, BLOCKS)
def test_whatever_a_file_holds_the_rest_stays(text, first, second):
    once = replaced(text, "a", first)
    assert once.startswith(f"# BEGIN shortstop.django a\n{first}\n")
    assert replaced(once, "a", first) == once
    assert rest(once) == text
    assert rest(replaced(once, "a", second)) == text
    assert replaced(once, "a", "") == text


@given(TEXTS, TEXTS, BLOCKS)
def test_a_block_that_somebody_wrote_above_comes_to_the_top_again(above, below, block):
    above = above and f"{above}\n"
    text = f"{above}{OURS}{below}"
    new = replaced(text, "a", block)
    assert new.startswith(f"# BEGIN shortstop.django a\n{block}\n")
    assert rest(new) == above + below


@given(TEXTS, BLOCKS, BLOCKS)
def test_two_inventories_neither_see_nor_move_each_other(text, first, second):
    both = replaced(replaced(text, "a", first), "b", second)
    assert replaced(both, "a", first) == both
    assert replaced(both, "b", second) == both
    assert replaced(replaced(both, "a", ""), "b", "") == text
    assert replaced(replaced(both, "b", ""), "a", "") == text


def test_a_block_whose_line_ends_were_changed_is_known():
    assert replaced(f"{OURS}Host *\n".replace("\n", "\r\n"), "a", "ours") == f"{OURS}Host *\r\n"
    assert replaced(OURS.rstrip("\n"), "a", "ours") == OURS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# BEGIN shortstop.django a\nHost *\n", "look at line 1"),
        ("Host *\n# END shortstop.django a\n", "look at line 2"),
        ("# END shortstop.django a\n# BEGIN shortstop.django a\n", "look at line 1, 2"),
        (OURS + OURS, "look at line 1, 3, 4, 6"),
        (OURS.replace("ours\n", OTHER), 'has another block inside of "# BEGIN shortstop.django a"; look at line 1'),
    ],
)
@pytest.mark.parametrize("block", ["ours", ""])
def test_marks_that_do_not_fit_are_refused_before_anything_is_lost(text, said, block):
    with pytest.raises(MuddledError) as error:
        replaced(text, "a", block)
    assert str(error.value).endswith(said)


def test_a_block_with_marks_is_refused():
    with pytest.raises(MuddledError):
        replaced("", "a", OTHER)


@pytest.fixture
def marked(capsys):
    """Runs the module; returns its result."""

    def run(path: Path, **options: object) -> dict:
        with patch_module_args({"path": str(path), "name": "a", **options}), pytest.raises(SystemExit):
            marked_block.main()
        return json.loads(capsys.readouterr().out)

    return run


FOREIGN = b"Host *\r\n  User \xff\r\n\xe2\x80\xa8# no end"


def test_a_file_is_written_through_its_link_and_keeps_its_mode(marked, tmp_path: Path):
    (tmp_path / "dotfiles").mkdir()
    file, link = tmp_path / "dotfiles/config", tmp_path / "config"
    file.write_bytes(FOREIGN)
    file.chmod(0o640)
    link.symlink_to("dotfiles/config")
    results = [marked(link, block="ours") for _again in range(2)]
    assert [(result["changed"], result["differs"]) for result in results] == [(True, True), (False, False)]
    assert link.readlink() == Path("dotfiles/config")
    assert file.read_bytes() == OURS.encode() + FOREIGN
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["config"]
    assert marked(link)["changed"]
    assert file.read_bytes() == FOREIGN


def test_a_new_file_is_its_user_s_alone_and_none_is_made_for_no_block(marked, tmp_path: Path):
    marked(tmp_path / "new", block="ours")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    marked(tmp_path / "hosts", block="ours", mode="0644")
    assert stat.S_IMODE((tmp_path / "hosts").stat().st_mode) == 0o644
    assert not marked(tmp_path / "none")["changed"]
    assert not (tmp_path / "none").exists()


def test_a_check_changes_nothing_and_shows_what_it_would(marked, tmp_path: Path):
    file = tmp_path / "config"
    file.write_bytes(FOREIGN)
    result = marked(file, block="ours", _ansible_check_mode=True)
    assert (result["changed"], result["differs"]) == (True, True)
    assert result["diff"]["after"] == OURS + result["diff"]["before"]
    assert file.read_bytes() == FOREIGN


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("directory", "cannot be read: Is a directory"),
        ("missing/config", "cannot be written: No such file or directory"),
        ("muddled", 'needs one "# BEGIN shortstop.django a" with one "# END shortstop.django a" below it, or neither; look at line 1'),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(marked, tmp_path: Path, name, said):
    (tmp_path / "directory").mkdir()
    (tmp_path / "muddled").write_text("# BEGIN shortstop.django a\nHost *\n")
    result = marked(tmp_path / name, block="ours")
    assert (result["failed"], result["msg"]) == (True, f"{tmp_path / name} {said}")
    assert (tmp_path / "muddled").read_text() == "# BEGIN shortstop.django a\nHost *\n"


def test_a_file_that_must_not_be_written_stays(marked, tmp_path: Path, monkeypatch):
    file = tmp_path / "config"
    file.write_bytes(FOREIGN)
    # Root may write everything.
    monkeypatch.setattr(os, "access", lambda _path, mode, **_options: mode != os.W_OK)
    assert marked(file, block="ours")["msg"] == f"{file} cannot be written: Permission denied"
    assert file.read_bytes() == FOREIGN
