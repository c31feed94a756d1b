"""metadata.jsonl: other people's bytes, killed runs, two runs at once, a hundred thousand rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqwen.errors import InputError, WriteError
from mqwen.library import metadata_jsonl
from mqwen.library.jsonl_rows import parse
from mqwen.library.metadata_jsonl import JOURNAL, MetadataJsonl


def content(folder: Path) -> bytes:
    return (folder / "metadata.jsonl").read_bytes()


def test_a_new_file(tmp_path: Path) -> None:
    with MetadataJsonl(tmp_path) as table:
        table.set(tmp_path / "a.jpg", 'a "cat"\non a mat')
        table.set(tmp_path / "子" / "图 1.jpg", "一只猫")
        assert table.get(tmp_path / "a.jpg") == 'a "cat" on a mat'
    rows = [json.loads(line) for line in content(tmp_path).decode().splitlines()]
    assert rows == [
        {"file_name": "a.jpg", "text": 'a "cat" on a mat'},
        {"file_name": "子/图 1.jpg", "text": "一只猫"},
    ]
    assert "一只猫".encode() in content(tmp_path)
    assert os.listdir(tmp_path) == ["metadata.jsonl"]


def test_foreign_bytes_stay(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"file_name": "first.jpg", "text": "x", "note": "\\u732b"}\r\n',
        b'{ "z":[1, 2.50 ,{"text":"inner"}],"text" : "old"  , "file_name":"./a.jpg","n":1e3 }\r\n',
        b"# a comment of someone\n",
        b"\n",
        b'{"file_name": "latin.jpg", "text": "caf\xe9"}\n',
        b'["file_name", "a.jpg"]\n',
        b'{"file_name": 7, "text": "number"}\n',
        b'{"file_name":"b.jpg","label":3}\n',
        b'{"file_name":"c.jpg","text":null,"x":NaN}',
    ]
    (tmp_path / "metadata.jsonl").write_bytes(b"".join(lines))
    with MetadataJsonl(tmp_path) as table:
        assert table.get(tmp_path / "a.jpg") == "old"
        assert table.get(tmp_path / "b.jpg") is None
        assert table.get(tmp_path / "c.jpg") is None
        for name, text in (("a", "new"), ("b", "bee"), ("c", "sea"), ("d", "dee")):
            table.set(tmp_path / f"{name}.jpg", text)
    lines[1] = b'{ "z":[1, 2.50 ,{"text":"inner"}],"text" : "new"  , "file_name":"./a.jpg","n":1e3 }\r\n'
    lines[7] = b'{"file_name":"b.jpg","label":3, "text": "bee"}\n'
    lines[8] = b'{"file_name":"c.jpg","text":"sea","x":NaN}\n'
    lines.append(b'{"file_name": "d.jpg", "text": "dee"}\n')
    assert content(tmp_path) == b"".join(lines)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=5) | st.just("text"), _values, max_size=5), st.text(), st.booleans(), st.data())
def test_any_row_changes_only_in_its_text(
    fields: dict[str, object], text: str, ascii_only: bool, data: st.DataObject
) -> None:
    names = data.draw(st.permutations(["file_name", *fields]))
    row = {name: fields.get(name, "a.jpg") for name in names} | {"file_name": "a.jpg"}
    separators = data.draw(st.sampled_from([(",", ":"), (" , ", " : "), (",\t", ":  ")]))
    line = json.dumps(row, ensure_ascii=ascii_only, separators=separators).encode() + b" \r\n"
    parsed = parse(line)
    assert parsed is not None
    changed = parsed.with_text(text)
    assert json.loads(changed) == row | {"text": text}
    assert list(json.loads(changed)) == list(row | {"text": text})
    # Outside of the value, no byte differs.
    old, new = line.decode(), changed.decode()
    same = len(os.path.commonprefix([old, new])) + len(os.path.commonprefix([old[::-1], new[::-1]]))
    value = json.dumps(row["text"], ensure_ascii=ascii_only, separators=separators) if "text" in row else ""
    assert same >= len(old) - len(value)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_row_or_not(line: bytes) -> None:
    row = parse(line)
    assert row is None or json.loads(row.with_text("x"))["text"] == "x"


def test_deep_nesting_is_a_foreign_line(tmp_path: Path) -> None:
    line = b'{"file_name":"a.jpg","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    (tmp_path / "metadata.jsonl").write_bytes(line)
    with MetadataJsonl(tmp_path) as table:
        table.set(tmp_path / "b.jpg", "b")
    assert content(tmp_path) == line + b'{"file_name": "b.jpg", "text": "b"}\n'


def test_all_lines_of_a_photo_are_updated_and_the_last_counts(tmp_path: Path) -> None:
    line = b'{"file_name":"a.jpg","text":"%s"}\n'
    (tmp_path / "metadata.jsonl").write_bytes(line % b"1" + line % b"2")
    with MetadataJsonl(tmp_path) as table:
        assert table.get(tmp_path / "a.jpg") == "2"
        table.set(tmp_path / "a.jpg", "3")
    assert content(tmp_path) == line % b"3" * 2


def test_reading_writes_nothing(tmp_path: Path) -> None:
    before = b'{"file_name":"a.jpg","text":"1"}'
    (tmp_path / "metadata.jsonl").write_bytes(before)
    (tmp_path / JOURNAL).write_bytes(b'{"file_name": "b.jpg", "text": "of a killed run"}\n')
    with MetadataJsonl(tmp_path) as table:
        assert table.get(tmp_path / "b.jpg") == "of a killed run"
    assert content(tmp_path) == before
    assert sorted(os.listdir(tmp_path)) == [JOURNAL, "metadata.jsonl"]


def test_appending(tmp_path: Path) -> None:
    (tmp_path / "metadata.jsonl").write_text('{"file_name":"a.jpg","text":"tag\\nsecond"}\n')
    with MetadataJsonl(tmp_path) as table:
        table.append(tmp_path / "a.jpg", "cat")
        table.append(tmp_path / "b.jpg", "dog")
        assert table.get(tmp_path / "a.jpg") == "tag, cat\nsecond"
        assert table.get(tmp_path / "b.jpg") == "dog"


_RUN = """
import sys
from pathlib import Path
from mqwen.library.metadata_jsonl import MetadataJsonl
folder = Path(sys.argv[1])
table = MetadataJsonl(folder)
for i in range(10**9):
    table.set(folder / f"{i}.jpg", f"caption {i}")
    print(i, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX's")
def test_kill_9_loses_nothing_that_was_reported(tmp_path: Path, root: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen([sys.executable, "-c", _RUN, str(tmp_path)], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    for _ in range(300):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    reported = 300 + len(process.stdout.read().splitlines())
    process.wait()
    process.stdout.close()
    for line in content(tmp_path).splitlines():
        json.loads(line)
    table = MetadataJsonl(tmp_path)
    assert all(table.get(tmp_path / f"{i}.jpg") == f"caption {i}" for i in range(reported))
    with table:
        table.set(tmp_path / "next.jpg", "of the next run")
    names = [json.loads(line)["file_name"] for line in content(tmp_path).splitlines()]
    assert names[:reported] == [f"{i}.jpg" for i in range(reported)]
    assert len(names) == len(set(names))
    assert os.listdir(tmp_path) == ["metadata.jsonl"]


def test_half_a_line_in_the_journal_says_nothing_and_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_bytes(b'{"file_name": "a.jpg", "text": "whole"}\n{"file_name": "b.jpg", "te')
    table = MetadataJsonl(tmp_path)
    assert table.get(tmp_path / "a.jpg") == "whole"
    table.set(tmp_path / "c.jpg", "next")
    table = MetadataJsonl(tmp_path)  # as after another kill
    assert [table.get(tmp_path / name) for name in ("a.jpg", "b.jpg", "c.jpg")] == ["whole", None, "next"]


def test_what_a_person_changed_after_the_kill_is_kept(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text(
        '{"file_name": "a.jpg", "text": "machine"}\n{"file_name": "b.jpg", "text": "machine"}\n'
    )
    os.utime(tmp_path / JOURNAL, (1, 1))
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.jpg", "text": "human"}\n')
    with MetadataJsonl(tmp_path) as table:
        assert table.get(tmp_path / "a.jpg") == "human"
        assert table.get(tmp_path / "b.jpg") == "machine"


def test_lines_that_others_add_meanwhile_stay(tmp_path: Path) -> None:
    with MetadataJsonl(tmp_path) as table:
        table.set(tmp_path / "a.jpg", "a")
        (tmp_path / "metadata.jsonl").write_text('{"file_name": "other.jpg", "text": "theirs"}\n')
        table.set(tmp_path / "b.jpg", "b")
    assert [json.loads(line)["file_name"] for line in content(tmp_path).splitlines()] == ["other.jpg", "a.jpg", "b.jpg"]


def row(name: str, text: object) -> str:
    return json.dumps({"file_name": name, "text": text}) + "\n"


def test_text_that_a_person_adds_while_a_run_writes_is_seen_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_text(row("old.jpg", "first"))
    with MetadataJsonl(tmp_path) as table:
        table.set(tmp_path / "noted.jpg", "machine")
        table.set(tmp_path / "old.jpg", "machine")
        table.set(tmp_path / "same.jpg", "machine")
        path.write_text(row("old.jpg", "mine") + row("noted.jpg", "mine") + row("new.jpg", "mine"))
        assert [table.get(tmp_path / f"{name}.jpg") for name in ("new", "noted", "old")] == ["mine"] * 3
        table.append(tmp_path / "new.jpg", "machine")
        # After kill -9 at this moment it is the same.
        after = MetadataJsonl(tmp_path)
        assert [after.get(tmp_path / f"{name}.jpg") for name in ("noted", "old", "same")] == ["mine", "mine", "machine"]
        path.write_text(path.read_text() + row("late.jpg", "mine"))
    assert content(tmp_path).decode() == (
        row("old.jpg", "mine")
        + row("noted.jpg", "mine")
        + row("new.jpg", "mine, machine")
        + row("late.jpg", "mine")
        + row("same.jpg", "machine")
    )


def test_what_is_set_after_a_persons_edit_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_text(row("a.jpg", "first"))
    with MetadataJsonl(tmp_path) as table:
        assert table.get(tmp_path / "a.jpg") == "first"
        path.write_text(row("a.jpg", "mine, in haste"))
        table.set(tmp_path / "a.jpg", "machine")
    assert content(tmp_path).decode() == row("a.jpg", "machine")


@pytest.mark.parametrize("text", [["a", "b"], {"en": "a"}, 7, False])
def test_text_that_is_no_string_is_nobodys_to_skip_or_to_add_to(tmp_path: Path, text: object) -> None:
    (tmp_path / "metadata.jsonl").write_text(row("a.jpg", text) + row("b.jpg", None))
    with MetadataJsonl(tmp_path) as table:
        with pytest.raises(InputError, match="not a string"):
            table.get(tmp_path / "a.jpg")
        with pytest.raises(InputError, match="not a string"):
            table.append(tmp_path / "a.jpg", "c")
        assert table.get(tmp_path / "b.jpg") is None
        table.set(tmp_path / "b.jpg", "b")
    assert content(tmp_path).decode() == row("a.jpg", text) + row("b.jpg", "b")
    with MetadataJsonl(tmp_path) as table:
        table.set(tmp_path / "a.jpg", "overwritten")
    assert content(tmp_path).decode() == row("a.jpg", "overwritten") + row("b.jpg", "b")


def test_a_killed_runs_journal_is_recovered_without_a_new_caption(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text(row("a.jpg", "of a killed run"))
    with MetadataJsonl(tmp_path) as table:
        table.recover()
    assert content(tmp_path).decode() == row("a.jpg", "of a killed run")
    assert os.listdir(tmp_path) == ["metadata.jsonl"]


def test_a_journal_that_another_run_writes_is_left_to_it(tmp_path: Path) -> None:
    with MetadataJsonl(tmp_path) as one:
        one.set(tmp_path / "a.jpg", "a")
        with MetadataJsonl(tmp_path) as other:
            other.recover()
        assert os.listdir(tmp_path) == [JOURNAL]
        other = MetadataJsonl(tmp_path)
    before = content(tmp_path)
    (tmp_path / "metadata.jsonl").write_text(row("a.jpg", ""))  # a person wants it gone
    with other:
        other.recover()
    assert content(tmp_path) == row("a.jpg", "").encode() != before


def test_two_runs_do_not_write_at_once(tmp_path: Path) -> None:
    with MetadataJsonl(tmp_path) as one:
        one.set(tmp_path / "a.jpg", "a")
        other = MetadataJsonl(tmp_path)
        with pytest.raises(WriteError, match="another run"):
            other.set(tmp_path / "b.jpg", "b")
    with MetadataJsonl(tmp_path) as third:
        third.set(tmp_path / "c.jpg", "c")
    assert content(tmp_path).count(b"\n") == 2


def test_rewriting_is_not_quadratic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight thousand captions write at most some multiple of the final file."""
    written = []
    real = metadata_jsonl.write_atomic
    monkeypatch.setattr(
        metadata_jsonl, "write_atomic", lambda path, data: written.append(len(data)) or real(path, data)
    )
    monkeypatch.setattr(metadata_jsonl.os, "fsync", lambda descriptor: None)
    with MetadataJsonl(tmp_path) as table:
        for i in range(8_000):
            table.set(tmp_path / f"{i:05}.jpg", "a caption")
    assert content(tmp_path).count(b"\n") == 8_000
    assert sum(written) < 8 * len(content(tmp_path))


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf16_is_refused(tmp_path: Path, mark: bytes) -> None:
    (tmp_path / "metadata.jsonl").write_bytes(mark + b"{\0}\0")
    with pytest.raises(InputError, match="UTF-16"):
        MetadataJsonl(tmp_path)


def test_a_read_only_file_is_refused_at_the_first_caption(tmp_path: Path) -> None:
    (tmp_path / "metadata.jsonl").write_text("{}\n")
    (tmp_path / "metadata.jsonl").chmod(0o444)
    with MetadataJsonl(tmp_path) as table, pytest.raises(WriteError, match="read-only"):
        table.set(tmp_path / "a.jpg", "a")
    assert os.listdir(tmp_path) == ["metadata.jsonl"]


def test_photos_that_cannot_be_in_it(tmp_path: Path) -> None:
    with MetadataJsonl(tmp_path / "sub") as table:
        with pytest.raises(WriteError, match="does not lie below"):
            table.set(tmp_path / "a.jpg", "a")
        with pytest.raises(WriteError, match="not Unicode"):
            table.set(tmp_path / "sub" / "caf\udce9.jpg", "a")
        with pytest.raises(WriteError, match="empty"):
            table.set(tmp_path / "sub" / "a.jpg", " \n")
