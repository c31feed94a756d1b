"""Every form of data gives the same examples, and everything unusable is named with its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mqwen.engine.prompts import prompt_for
from mqwen.errors import InputError
from mqwen.training.dataset import Example, Question, Turn, read_examples

BRIEF = prompt_for("brief", "en")


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 20), (10, 20, len(path.name) % 256)).save(path, "PNG")
    return path


def captions(folder: Path, **options: Any) -> dict[str, list[str]]:
    found = read_examples(folder, Question(), **options)
    assert not found.problems, found.problems
    told: dict[str, list[str]] = {}
    for example in found.examples:
        told.setdefault(example.photos[0].name, []).append(example.turns[0].answer)
    return told


def problems(data: Path) -> list[str]:
    return sorted(str(error) for error in read_examples(data, Question()).problems)


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def llava(image: Any, *said: str) -> dict[str, Any]:
    turns = [{"from": ("human", "gpt")[i % 2], "value": text} for i, text in enumerate(said)]
    return {"id": "1", "image": image, "conversations": turns}


def test_sidecars_of_both_kinds_and_a_question_with_variables(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    photo(tmp_path / "sub" / "b.png")
    photo(tmp_path / "bare.png")
    (tmp_path / "a.txt").write_text(" a dog \n", encoding="utf-8")
    (tmp_path / "sub" / "b.caption").write_text("一只猫", encoding="utf-8")
    found = read_examples(tmp_path, Question("What is {name} in {folder}?"))
    assert found.examples == [
        Example((tmp_path / "a.png",), (Turn(f"What is a in {tmp_path.name}?", "a dog", 1),), "a.txt"),
        Example((tmp_path / "sub" / "b.png",), (Turn("What is b in sub?", "一只猫", 1),), "b.caption"),
    ]
    assert found.remarks == ["1 photo(s) have no caption and are left out"]


def test_metadata_counts_the_last_line_and_a_caption_in_two_places_once(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        photo(tmp_path / name)
    rows = [("a.png", "old"), ("b.png", "a cat"), ("a.png", "a dog")]
    lines = [json.dumps({"file_name": name, "text": text}) for name, text in rows]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("a cat", encoding="utf-8")
    assert captions(tmp_path) == {"a.png": ["a dog"], "b.png": ["a cat"]}
    assert read_examples(tmp_path, Question()).remarks == ["1 caption(s) stand in the data twice and count once"]
    assert captions(tmp_path / "metadata.jsonl") == {"a.png": ["a dog"], "b.png": ["a cat"]}


def test_the_two_data_files_of_the_original(tmp_path: Path) -> None:
    """LLaVA's and AI Challenger's, their photos in folders of their own; COCO 2014 has longer names."""
    photo(tmp_path / "train2014" / "COCO_train2014_000000000009.jpg")
    photo(tmp_path / "aic" / "8f00.jpg")
    write(tmp_path / "complex_reasoning_77k.json", [llava("000000000009.jpg", "<image>\nWhy?", "Because.")])
    write(
        tmp_path / "caption_train_annotations.json",
        [{"url": "http://x", "image_id": "8f00.jpg", "caption": ["一个人", "两个人"]}],
    )
    found = read_examples(tmp_path, Question())
    assert [(e.photos[0].name, e.turns) for e in found.examples] == [
        ("8f00.jpg", (Turn(prompt_for("brief", "zh"), "一个人", 1),)),
        ("8f00.jpg", (Turn(prompt_for("brief", "zh"), "两个人", 1),)),
        ("COCO_train2014_000000000009.jpg", (Turn("Why?", "Because.", 1),)),
    ]
    assert not found.problems and not found.remarks


def test_conversations_keep_their_turns_and_where_pictures_stand(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        photo(tmp_path / name)
    data = write(
        tmp_path / "data.json",
        [
            llava("a.png", "What?\n<image>", "A dog.", "And how many?", "One."),
            llava("a.png", "No marker?", "The first question shows it."),
            llava(["a.png", "b.png"], "<image>\nThis?", "a", "<image>\nAnd this?", "b"),
        ],
    )
    turns = [example.turns for example in read_examples(data, Question()).examples]
    assert turns == [
        (Turn("What?", "A dog.", 1, image_after=True), Turn("And how many?", "One.")),
        (Turn("No marker?", "The first question shows it.", 1),),
        (Turn("This?", "a", 1), Turn("And this?", "b", 1)),
    ]


def test_photos_of_a_data_file_may_lie_elsewhere(tmp_path: Path) -> None:
    photo(tmp_path / "photos" / "deep" / "a.png")
    (tmp_path / "data").mkdir()
    data = write(tmp_path / "data" / "data.json", [llava("coco/a.png", "What?", "A dog.")])
    (missing,) = problems(data)
    assert "the photo coco/a.png is missing" in missing and "--images" in missing
    assert captions(data, images=[tmp_path / "photos"]) == {"a.png": ["A dog."]}


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        (llava("gone.png", "What?", "A dog."), "entry 1: the photo gone.png is missing"),
        (llava("a.png", "What?", " "), "entry 1: an answer is empty"),
        (llava("a.png", "What?"), "entry 1: its turns are not questions with answers"),
        (llava("a.png", "<image> <image>", "A dog."), "entry 1: it has 1 image(s) and 2 marker(s) <image>"),
        (llava(None, "What?", "A dog."), "entry 1: it has no image"),
        (llava(7, "What?", "A dog."), "entry 1 names no photo"),
        (llava("twice.png", "What?", "A dog."), "entry 1: 2 photos are called twice.png"),
        ({"image_id": "a.png", "caption": []}, "the caption of a.png is not a text"),
        ({"image_id": "a.png", "caption": ["", "good"]}, "the caption of a.png is empty"),
        ({"conversations": 3, "image": "a.png"}, "entry 1: its turns are not questions with answers"),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_with_file_and_remedy(tmp_path: Path, entry: Any, what: str) -> None:
    photo(tmp_path / "a.png")
    photo(tmp_path / "x" / "twice.png")
    photo(tmp_path / "y" / "twice.png")
    data = write(tmp_path / "data.json", [entry])
    (error,) = read_examples(data, Question()).problems
    assert error.path == data and error.what == what and error.hint


def test_bad_sidecars_and_lines_are_told_and_the_others_kept(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        photo(tmp_path / name)
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xfa\x00\xd8")
    (tmp_path / "b.txt").write_text("  \n", encoding="utf-8")
    (tmp_path / "c.txt").write_text("a cow", encoding="utf-8")
    (tmp_path / "metadata.jsonl").write_text(
        '{"file_name": "gone.png", "text": "x"}\nnot json\n{"file_name": "a.png", "text": 7}\n', encoding="utf-8"
    )
    told = problems(tmp_path)
    assert len(told) == 5 and all(str(tmp_path) in line for line in told)
    for part in ("a.txt: its text is not UTF-8", "b.txt: the caption is empty", "line 2 describes no photo"):
        assert any(part in line for line in told), part
    assert any("line 1: the photo gone.png is missing" in line for line in told)
    assert any("the caption of a.png is not a text" in line for line in told)
    assert [example.turns[0].answer for example in read_examples(tmp_path, Question()).examples] == ["a cow"]


@pytest.mark.parametrize("content", ["{}", "[]", "[1]", "{", '[{"image": "a.png"}]'])
def test_a_file_of_another_kind_is_refused_alone_and_passed_over_in_a_folder(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="neither LLaVA conversations nor AI Challenger") as error:
        read_examples(path, Question())
    assert error.value.path == path
    found = read_examples(tmp_path, Question())
    assert not found.examples and found.remarks == ["other.json is not a data file that is known, and was not read"]


def test_what_is_no_data_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    for path in (tmp_path / "a.zip", tmp_path / "gone"):
        with pytest.raises(InputError) as error:
            read_examples(path, Question())
        assert error.value.path == path and error.value.hint


def test_a_folder_that_is_named_from_elsewhere_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "photos" / "a.png")
    lines = ['{"file_name": "a.png", "text": "a dog"}', '{"file_name": "gone.png", "text": "a cat"}']
    (tmp_path / "photos" / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "./photos", "photos/../photos", "photos/."):
        found = read_examples(Path(name), Question())
        assert [example.photos[0].name for example in found.examples] == ["a.png"], name
        assert len(found.problems) == 1 and "gone.png is missing" in str(found.problems[0]), name
        assert found.remarks == [], name
