"""Which files of a folder are which split, and which are no data."""

from pathlib import Path

import pytest
import srsly

from scripts.exceptions import DataError
from scripts.intake.folder import look_into
from scripts.intake.splits import find_sources
from tests.conftest import domain_records, write_world

SENTENCE = "Ada B-PERSON\nlives O\nin O\nUlm B-CITY\n\n"


def make(folder: Path, *names: str) -> Path:
    """Write a column file of each name into a folder; a name may be a path."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SENTENCE, encoding="utf8")
    return folder


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("train.txt valid.txt test.txt", "train dev test"),
        ("train validation test", "train dev test"),
        ("TRAIN.CSV Val.csv Test.csv", "train dev test"),
        ("training devel testing", "train dev test"),
        ("trn.tsv development.tsv tst.tsv", "train dev test"),
        ("eng.train eng.testa eng.testb", "train dev test"),
        ("en_x-ud-train.conllu en_x-ud-dev.conllu en_x-ud-test.conllu", "train dev test"),
        ("train.json eval.json test.json", "train dev test"),
        ("train.json dev.json eval.json", "train dev test"),
        ("train.json eval.json", "train dev"),
        ("train.json heldout.json", "train test"),
        ("train/a.txt train/b.txt holdout/c.txt", "train train test"),
        ("deu.train", "train"),
        ("a.txt b.txt", "train train"),
        ("retrain.txt detest.txt", "train train"),
    ],
)
def test_the_usual_names_of_splits_are_known(names: str, wanted: str, tmp_path: Path) -> None:
    splits = look_into(make(tmp_path, *names.split())).splits
    found = {path: part for part, paths in splits.items() for path in paths}
    assert [found[tmp_path / name] for name in names.split()] == wanted.split()


@pytest.mark.parametrize("name", ["extra.txt", "train2.txt", "unlabelled/a.txt", "gold.bak"])
def test_a_file_of_no_split_beside_splits_stops_the_run(name: str, tmp_path: Path) -> None:
    make(tmp_path, "train.txt", "dev.txt", name)
    with pytest.raises(DataError, match=rf"{name.split('/')[0]}.*neither train, dev nor test"):
        look_into(tmp_path)


@pytest.mark.parametrize("names", ["valid.txt dev.txt", "train.txt train.csv", "test.a x-test.a"])
def test_two_files_of_one_split_stop_the_run(names: str, tmp_path: Path) -> None:
    make(tmp_path, "train", *names.split())
    with pytest.raises(DataError, match="which one is"):
        look_into(tmp_path)


def test_a_name_of_two_splits_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is it train or test"):
        look_into(make(tmp_path, "train-test.txt"))


def test_splits_without_a_train_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"valid\.txt, but no train"):
        look_into(make(tmp_path, "a.txt", "valid.txt"))


def test_splits_in_a_folder_below_are_not_mixed(tmp_path: Path) -> None:
    make(tmp_path, "en/train.txt", "en/test.txt", "de/train.txt", "de/test.txt")
    with pytest.raises(DataError, match=r"lie in .*/de: set data\.source to that"):
        look_into(tmp_path)


@pytest.mark.parametrize("splits", [["train.txt", "dev.txt"], ["a.txt", "b.txt"]])
def test_what_documents_data_is_passed_over_and_known(splits: list[str], tmp_path: Path) -> None:
    names = ["README.md", "README", "readme.txt", "LICENSE", "LICENCE.txt", "GUIDE.md", "paper.pdf"]
    names += [
        "CC_BY-SA-4.0.txt",
        "annotation.conf",
        "visual.conf",
        "CITATION.cff",
        "Thumbs.db",
        ".hidden",
        "a.txt.dvc",
    ]
    contents = look_into(make(tmp_path, *splits, *names))
    files = [path.name for paths in contents.splits.values() for path in paths]
    assert sorted(files) == sorted(splits)
    assert sorted(path.name for path in contents.beside) == sorted(names[:-2])


def test_a_folder_of_documentation_alone_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no labelled texts.*README"):
        look_into(make(tmp_path, "README.md"))


def test_a_file_that_is_named_is_data_whatever_its_name(tmp_path: Path) -> None:
    path = make(tmp_path, "README.txt") / "README.txt"
    assert look_into(path).splits == {"train": [path]}


def test_settings_of_brat_lie_beside_its_texts(tmp_path: Path) -> None:
    params = write_world(tmp_path, data__source=str(tmp_path / "brat"))
    (tmp_path / "brat").mkdir()
    for i in range(3):
        (tmp_path / f"brat/doc{i}.txt").write_text("Ada lives in Ulm", encoding="utf8")
        (tmp_path / f"brat/doc{i}.ann").write_text("T1\tCITY 13 16\tUlm\n", encoding="utf8")
    (tmp_path / "brat/annotation.conf").write_text("[entities]\nCITY\n", encoding="utf8")
    (tmp_path / "brat/visual.conf").write_text("[labels]\n", encoding="utf8")
    sources, _ = find_sources(params.data)
    assert [layout.name for _, layout, _ in sources] == ["brat"] * 3


@pytest.mark.parametrize("name", ["labels.txt", "notes.txt"])
def test_plain_text_beside_annotated_files_stops_the_run(name: str, tmp_path: Path) -> None:
    params = write_world(tmp_path, data__source=str(tmp_path / "mixed"))
    (tmp_path / "mixed").mkdir()
    srsly.write_jsonl(tmp_path / "mixed/annotations.jsonl", domain_records("any"))
    (tmp_path / "mixed/README.txt").write_text("Annotated by Ada.\n", encoding="utf8")
    assert len(find_sources(params.data)[0]) == 1
    (tmp_path / "mixed" / name).write_text("PERSON\nCITY\n", encoding="utf8")
    with pytest.raises(DataError, match=rf"{name}: plain text beside annotated files"):
        find_sources(params.data)
