"""params.yaml is checked as a whole, and whatever is wrong is named by its key."""

from pathlib import Path
from typing import Any

import pytest
import srsly

from scripts.exceptions import ParamsError
from scripts.params import PARAMS, load_params


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
        ("data.unlabelled", "other"),
        ("rehearsal.ratio", -0.1),
        ("training.strategy", "freeze"),
        ("training.max_epochs", 0),
        ("training.min_steps", -1),
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
    assert ": training.seed: Field required" in refusal(tmp_path / "params.yaml")


def test_missing_section_is_named(tmp_path: Path) -> None:
    values = srsly.read_yaml(PARAMS)
    del values["package"]
    srsly.write_yaml(tmp_path / "params.yaml", values)
    assert ": package: Field required" in refusal(tmp_path / "params.yaml")


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    values = srsly.read_yaml(PARAMS)
    values["data"]["dev"] = 2
    values["training"]["seed"] = "zero"
    srsly.write_yaml(tmp_path / "params.yaml", values)
    message = refusal(tmp_path / "params.yaml")
    dev, seed = message.splitlines()
    assert ": data.dev:" in dev
    assert ": training.seed:" in seed and "found: 'zero'" in seed


@pytest.mark.parametrize("text", ["base: [", "a: b: c", "\tx", "base: 1\nbase: 2\n"])
def test_what_is_not_yaml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf8")
    assert "is not YAML" in refusal(tmp_path / "params.yaml")


@pytest.mark.parametrize("text", ["", "just words", "- base"])
def test_yaml_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf8")
    assert ": the file:" in refusal(tmp_path / "params.yaml")


def test_missing_file_says_where_to_run(tmp_path: Path) -> None:
    message = refusal(tmp_path / "params.yaml")
    assert "params.yaml is not here: run the command from the project's folder" in message
