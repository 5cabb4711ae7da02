"""One reader of tables serves questions, labels, right answers and logs."""

import pytest

from bestofinf.batches import QuestionFile
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationStore, label_file
from bestofinf.evaluation.logs.options import gold_rows
from bestofinf.evaluation.tables import table_rows
from support.stored import record


@pytest.fixture
def store(sqlite_url):
    with EvaluationStore(sqlite_url) as opened:
        opened.add([record(f"c{n}", "5", question=f"q{n}", answer="5") for n in (1, 2, 3)])
        yield opened


def golds(store):
    return {question.id: question.gold for question in store.read()}


BROKEN = [
    ("id,gold\nq1,2,500\nq2,Oslo\n", "line 2: 3 values for 2 columns; .* in quotes"),
    ("id,gold\nq1,Oslo\n\nq2,Rome, Italy\n", "line 4: 3 values for 2 columns"),
    ("id,gold\nq1\n", "line 2: 1 values for 2 columns"),
    ('id,gold\nq1,7\nq2,"8\nq3,9\n', "line 3: not CSV: unexpected end of data"),
    ('id,gold\nq1,"7\nq2,"8"\n', "line 2: not CSV"),
    ("id,gold,gold\nq1,7,8\n", "line 1: the column 'gold' comes twice"),
    ("\nid,gold,id\nq1,7,q2\n", "line 2: the column 'id' comes twice"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN)
def test_a_broken_table_gives_no_label_and_names_its_line(store, tmp_path, content, message):
    path = tmp_path / "gold.csv"
    path.write_text(content)
    with pytest.raises(UsageError, match=f"gold.csv, {message}"):
        label_file(store, path)
    assert set(golds(store).values()) == {None}
    with pytest.raises(UsageError, match=message):
        [*gold_rows(path, None)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gold.csv", "id,gold\nq1,7\nq2,8\nq1,9\n"),
        ("gold.jsonl", '{"id": "q1", "gold": 7}\n\n{"id": "q1", "gold": "9"}\n'),
    ],
)
def test_two_right_answers_of_one_question_are_refused(store, tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UsageError, match=r"line [34]: question 'q1' has two .* '7' and '9'"):
        label_file(store, path)
    assert set(golds(store).values()) == {None}


def test_a_right_answer_may_come_twice_and_verdicts_on_several_answers_too(store, tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_text(
        '{"id": "q1", "gold": 7}\n{"id": "q1", "gold": "7"}\n{"id": "q1", "gold": 7.0}\n'
        '{"id": "q1", "answer": "8", "correct": false}\n'
        '{"id": "q1", "answer": "9", "correct": false}\n'
    )
    assert label_file(store, path).given == 5
    assert golds(store)["q1"] == "7"
    assert store.read().questions[0].wrong == ("8", "9")


def test_a_label_in_quotes_may_hold_commas_and_line_breaks(store, tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text('id,gold\nq1,"2,500"\n\nq2,"Rome,\nItaly"\nq3,5\' 7\n')
    assert label_file(store, path).given == 3
    assert golds(store) == {"q1": "2,500", "q2": "Rome,\nItaly", "q3": "5' 7"}


@pytest.mark.parametrize("name", ["gold.tsv", "GOLD.TSV", "gold.Tsv"])
def test_tabs_separate_the_values_of_a_tsv_file(store, tmp_path, name):
    path = tmp_path / name
    path.write_text("id\tgold\nq1\tRome, Italy\n")
    assert label_file(store, path).given == 1
    assert golds(store)["q1"] == "Rome, Italy"
    path.write_text("id\tgold\nq1\tRome\tItaly\n")
    with pytest.raises(UsageError, match="line 2: 3 values for 2 columns; texts with tabs"):
        label_file(store, path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gold.csv", "id;gold\nq1;5\n", "separated by commas, got 'id;gold'"),
        ("gold.csv", "id\tgold\nq1\t5\n", "separated by commas"),
        ("gold.tsv", "id,gold\nq1,5\n", "separated by tabs, got 'id,gold'"),
    ],
)
def test_another_separator_is_told(store, tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        label_file(store, path)


def test_a_table_in_another_encoding_is_told(tmp_path):
    path = tmp_path / "gold.csv"
    path.write_bytes("id,gold\nq1,Köln\n".encode("latin-1"))
    with pytest.raises(UsageError, match="is not UTF-8"):
        [*table_rows(path)]


def test_questions_with_two_columns_of_one_name_are_refused_before_anything_is_paid(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("id,text,text\n0,What is 2 + 3?,draft\n")
    with pytest.raises(UsageError, match="line 1: the column 'text' comes twice"):
        QuestionFile(path).check()
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = [pyarrow.array([value]) for value in ("What is 2 + 3?", "draft")]
    path = tmp_path / "q.parquet"
    parquet.write_table(pyarrow.Table.from_arrays(columns, ["text", "text"]), path)
    with pytest.raises(UsageError, match="the column 'text' comes twice"):
        QuestionFile(path).check()


def test_columns_without_a_name_may_be_several(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("id,text,,\n0,What is 2 + 3?,,\n")
    assert [question.prompt for question in QuestionFile(path)] == ["What is 2 + 3?"]
