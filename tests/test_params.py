"""params.yaml is checked as a whole, and whatever is wrong is named by its key."""

from pathlib import Path
from typing import Any

import pytest
import srsly
from dvc.utils.serialize import loads_yaml

from scripts.exceptions import ParamsError
from scripts.params import PARAMS, load_params
from scripts.settings.yaml_file import parse_yaml


def change(path: Path, key: str, value: Any) -> Path:
    """Write the shipped params.yaml to `path` with one value changed."""
    values = srsly.read_yaml(PARAMS)
    section, name = key.split(".")
    values.setdefault(section, {})[name] = value
    srsly.write_yaml(path, values)
    return path


def refusal(path: Path) -> str:
    """The message with which a file is refused."""
    with pytest.raises(ParamsError) as refused:
        load_params(path)
    return str(refused.value)


def line_with(text: str, words: str) -> int:
    """The number of the line in which words stand, from 1."""
    return text[: text.index(words)].count("\n") + 1


def test_shipped_file_loads() -> None:
    params = load_params()
    assert params.model_dump() == srsly.read_yaml(PARAMS)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("evaluate.min_retention", 0),
        ("evaluate.min_retention", 1),
        ("rehearsal.ratio", 0),
        ("training.dropout", 0.0),
        ("training.gpu_id", 0),
        ("data.fold", ""),
        ("data.fold", "10/10"),
        ("evaluate.min_new_f", 1),
        ("package.version", "1.0.0rc1"),
        ("package.name", "ner2_v3"),
    ],
)
def test_values_at_the_edge_load(tmp_path: Path, key: str, value: Any) -> None:
    section, name = key.split(".")
    params = load_params(change(tmp_path / "params.yaml", key, value))
    assert getattr(getattr(params, section), name) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        # Unknown.
        ("training.max_epoch", 3),
        ("trainning.seed", 3),
        # Of another type: nothing is converted.
        ("training.max_epochs", "10"),
        ("training.max_epochs", 10.0),
        ("training.seed", True),
        ("training.learn_rate", "1e-3"),
        ("data.source", None),
        ("data.source", 7),
        ("package.version", 1.0),
        # Out of range.
        ("data.dev", 0.0),
        ("data.test", 0.5),
        ("data.fold", "0/5"),
        ("data.fold", "6/5"),
        ("data.fold", "1/1"),
        ("data.fold", "2 of 5"),
        ("evaluate.min_new_f", 1.01),
        ("data.unlabelled", "other"),
        ("rehearsal.ratio", -0.1),
        ("training.strategy", "freeze"),
        ("training.max_epochs", 0),
        ("training.patience", 0),
        ("training.dropout", 1.0),
        ("training.learn_rate", 0.0),
        ("training.batch_size", 0),
        ("training.seed", -1),
        ("training.gpu_id", -2),
        ("evaluate.min_retention", 1.01),
        ("evaluate.min_retention", float("nan")),
        # No text, more than a line, no name.
        ("base.model", ""),
        ("data.source", "a\nb"),
        ("base.component", "n e r"),
        ("package.name", "Telecom_ner"),
        ("package.name", "telecom-ner"),
        ("package.name", "2telecom"),
        ("package.name", "../telecom"),
        ("package.name", "telecom_ner\n"),
        ("package.version", "1.0"),
        ("package.version", "v1.0.0"),
        ("package.version", "1.0.0-final"),
    ],
)
def test_wrong_value_is_refused_by_its_key(tmp_path: Path, key: str, value: Any) -> None:
    message = refusal(change(tmp_path / "params.yaml", key, value))
    assert (f": {key}:" if not key.startswith("trainning") else ": trainning:") in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rehearsal.ratio", float("inf")),
        ("training.learn_rate", float("inf")),
        ("package.version", "1.0.٣"),
    ],
)
def test_infinite_values_and_foreign_digits_are_refused(
    tmp_path: Path, key: str, value: Any
) -> None:
    assert f": {key}:" in refusal(change(tmp_path / "params.yaml", key, value))


def test_missing_key_is_named(tmp_path: Path) -> None:
    values = srsly.read_yaml(PARAMS)
    del values["training"]["seed"]
    srsly.write_yaml(tmp_path / "params.yaml", values)
    assert ": training.seed: is missing" in refusal(tmp_path / "params.yaml")


def test_missing_section_is_named(tmp_path: Path) -> None:
    values = srsly.read_yaml(PARAMS)
    del values["package"]
    srsly.write_yaml(tmp_path / "params.yaml", values)
    assert ": package: is missing" in refusal(tmp_path / "params.yaml")


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    values = srsly.read_yaml(PARAMS)
    values["data"]["dev"] = 2
    values["training"]["seed"] = "zero"
    srsly.write_yaml(tmp_path / "params.yaml", values)
    message = refusal(tmp_path / "params.yaml")
    dev, seed = message.splitlines()
    assert ": data.dev:" in dev
    assert ": training.seed:" in seed and "found: 'zero'" in seed


@pytest.mark.parametrize("text", ["base: [", "a: b: c", "\tx", "base: 1\nbase: 2\n", "a: a\x07"])
def test_what_is_not_yaml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf8")
    assert "is not YAML" in refusal(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("old", "new", "column", "says"),
    [
        ("  dropout:", "\tdropout:", 1, "a tab"),
        ("  dropout:", "   dropout:", 11, "more spaces before it"),
        ("  dropout:", " dropout:", 2, "other spaces before it"),
        ("  dropout: ", "  dropout:", 3, "no colon with a space"),
        ("  dropout:", "  patience: 6\n  dropout:", 3, "patience stands a second time"),
        ('description: ""', 'description: "x', 16, "a quote is opened"),
        ("rename: {}", "rename: {a: b", 11, "a bracket is opened"),
        ('author: ""', "author: @x", 11, "needs quotes"),
    ],
)
def test_what_is_not_yaml_is_shown_with_its_place(
    tmp_path: Path, old: str, new: str, column: int, says: str
) -> None:
    path = tmp_path / "params.yaml"
    text = PARAMS.read_text(encoding="utf8").replace(old, new)
    path.write_text(text, encoding="utf8")
    number = line_with(text, new.splitlines()[0])
    first, shown = refusal(path).splitlines()
    assert first.startswith(f"{path}:{number}:{column}: is not YAML: ") and says in first
    assert shown == "    " + text.splitlines()[number - 1].replace("\t", "→")


def test_what_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes("a: 1\nb: ä\n".encode("latin1"))
    assert f"{path}:2: is not YAML: not UTF-8" in refusal(path)


def test_numbers_are_read_exactly() -> None:
    written = [f"{number / 100}" for number in range(1, 100)] + ["1e-3", "123456789.123456789"]
    values = parse_yaml("\n".join(f"- {number}" for number in written), "numbers")
    assert values == [*map(float, written)]


def test_yaml_is_what_dvc_takes_for_it() -> None:
    words = ["010", "yes", "on", "1_000", "~", "1e-3", "0x1F", "1:30", "3.10", ".5", "2024-01-01"]
    text = "\n".join(f"- {word}" for word in words)
    assert parse_yaml(text, "values") == loads_yaml(text)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("max_epochs:", "max_epoch:", "training.max_epoch: not a parameter; did you mean "),
        ("strategy: extend", "strategy: extnd", "training.strategy: must be 'update', 'extend"),
        ("\ntraining:", "\ntrainning:", "trainning: not a parameter; did you mean training?"),
        ("  dev: 0.1", "  dev: 0.1\n  dropout: 0.1", "data.dropout: not a parameter; did you "),
        ("max_epochs: 10", "max_epochs: ten", "training.max_epochs: must be a whole number"),
        ("version: 1.0.0", "version: 1.0", "package.version: must be a version, as 1.0.0"),
    ],
)
def test_a_wrong_key_or_value_is_one_line_with_its_place(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / "params.yaml"
    text = PARAMS.read_text(encoding="utf8").replace(old, new, 1)
    path.write_text(text, encoding="utf8")
    (line,) = refusal(path).splitlines()
    assert line.startswith(f"{path}:{line_with(text, new.splitlines()[-1])}: {says}"), line


def test_what_was_meant_is_a_word_that_exists(tmp_path: Path) -> None:
    path, text = tmp_path / "params.yaml", PARAMS.read_text(encoding="utf8")
    path.write_text(text.replace("strategy: extend", "strategy: extnd"), encoding="utf8")
    assert refusal(path).endswith("(found: 'extnd'; did you mean extend?)")
    path.write_text(text.replace("  dev: 0.1", "  dropout: 0.1\n  dev: 0.1"), encoding="utf8")
    assert refusal(path).endswith("did you mean training.dropout?")


@pytest.mark.parametrize("text", ["", "just words", "- base"])
def test_yaml_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf8")
    assert ": the file:" in refusal(tmp_path / "params.yaml")


def test_missing_file_says_where_to_run(tmp_path: Path) -> None:
    message = refusal(tmp_path / "params.yaml")
    assert "params.yaml is not here: run the command from the project's folder" in message
