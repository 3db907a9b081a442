"""Load a base model once, when it is laid out, so that what it lacks is said at once."""

import warnings
from pathlib import Path

import spacy
import srsly
from spacy.language import Language

from scripts.base.recognizers import find_recognizers
from scripts.exceptions import FetchError

CODE = (
    "A model's own code is not run here: install the package that has it, or take that part out of "
    "the model (nlp.remove_pipe, nlp.to_disk)."
)
LIBRARY = (
    "Install what it names into this environment, and add it to requirements in the model's "
    "meta.json, so that the finished package asks for it, too."
)


def check_loads(folder: Path, component: str) -> None:
    """Load a model that `check_model` has accepted.

    folder: the model's folder.
    component: the name of its entity recognizer.

    Raises FetchError, with what to do, if it cannot be loaded and used, or if the recognizer is
    disabled.
    """
    meta = srsly.read_json(folder / "meta.json")
    name = f"{meta.get('name')} {meta.get('version')}"
    nlp = load(folder, name)
    if component in nlp.disabled:
        raise FetchError(
            f"base.component: {component} is disabled in {name}, so the model finds no entities "
            f"by it. Enable it (nlp.enable_pipe, nlp.to_disk), or name another one: "
            f"{', '.join(find_recognizers(nlp)) or 'there is none'}."
        )


def load(folder: Path, name: str) -> Language:
    """Load a model and let it read a word; raises FetchError with the cause, in a paragraph.

    name: the model's name, for the message.
    """
    try:
        with warnings.catch_warnings():
            # Whether it fits this spaCy is said by `check_model`.
            warnings.simplefilter("ignore", UserWarning)
            nlp = spacy.load(folder)
            nlp("One")
    except Exception as error:
        # Components and functions are loaded by name, so anything can be missing or wrong.
        cause = str(error).split("\n\n")[0]
        if isinstance(error, ImportError):
            todo = LIBRARY
        elif cause.startswith(("[E002]", "[E893]")):
            todo = CODE
        else:
            todo = "If spacy.load does not load it either, it is damaged, or not for this spaCy."
        raise FetchError(f"base.model: {name} cannot be loaded: {cause} {todo}") from error
    return nlp
