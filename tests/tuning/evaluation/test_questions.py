"""MMLU's files in both layouts, and the prompts made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.tuning.evaluation.answers import Answers
from desktop.tuning.evaluation.questions import prompt, read_exam, sample


def exam_folder(folder: Path, *, header: bool = False) -> Path:
    """A small exam of two subjects; with ``header`` in the layout of copies: a header row and answers 0-3."""
    for part, count in (("dev", 2), ("test", 3)):
        (folder / part).mkdir(parents=True)
        for subject in ("world_history", "anatomy"):
            lines = ["question,choice0,choice1,choice2,choice3,answer"] if header else []
            for number in range(count):
                answer = str(number) if header else "ABCD"[number]
                lines.append(f'"{subject}, number {number}?",first,second,"the ""third""",fourth,{answer}')
            (folder / part / f"{subject}_{part}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_both_layouts_hold_the_same_questions(tmp_path: Path) -> None:
    original = read_exam(exam_folder(tmp_path / "original"))
    copy = read_exam(exam_folder(tmp_path / "copy", header=True))
    assert original == copy
    assert [question.right for question in original.questions] == [0, 1, 2, 0, 1, 2]
    assert original.questions[0].choices[2] == 'the "third"'


def test_prompt_is_the_published_one(tmp_path: Path) -> None:
    exam = read_exam(exam_folder(tmp_path))
    question = exam.questions[3]
    assert prompt(question, exam.worked["world_history"][:1]) == (
        "The following are multiple choice questions (with answers) about  world history.\n\n"
        'world_history, number 0?\nA. first\nB. second\nC. the "third"\nD. fourth\nAnswer: A\n\n'
        'world_history, number 0?\nA. first\nB. second\nC. the "third"\nD. fourth\nAnswer:'
    )


def test_sample_depends_on_the_seed_only(tmp_path: Path) -> None:
    questions = read_exam(exam_folder(tmp_path)).questions
    assert sample(questions, 4, 1) == sample(questions, 4, 1)
    assert len({question.text for question in sample(questions, 4, 1)}) == 4
    assert sample(questions, 0, 1) == sample(questions, 99, 2) == questions


@pytest.mark.parametrize(
    ("line", "words"),
    [("What?,a,b,c,D", "Line 4 has 5 fields"), ("What?,a,b,c,d,E", "Line 4: 'E' is no answer")],
)
def test_bad_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    folder = exam_folder(tmp_path)
    path = folder / "test" / "anatomy_test.csv"
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=words) as caught:
        read_exam(folder)
    assert caught.value.path == str(path)


def test_missing_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    with pytest.raises(UserError, match="no questions in the folder dev"):
        read_exam(tmp_path)


def test_answers_survive_a_death_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with Answers(path) as answers:
        answers.add([{"n": 1}, {"n": 2}])
    with path.open("ab") as file:
        file.write(b'{"n": 3')
    with Answers(path) as answers:
        assert answers.found == [{"n": 1}, {"n": 2}]
        answers.add([{"n": 3}])
    assert path.read_text() == '{"n":1}\n{"n":2}\n{"n":3}\n'


def test_the_shared_exam_is_whole(shared: Path) -> None:
    exam = read_exam(shared / "text" / "mmlu")
    assert len(exam.questions) == 13542
    assert len(exam.worked) == 57
