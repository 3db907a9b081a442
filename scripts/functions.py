"""The registered functions that the training configs name; `spacy train --code` loads this file.

It imports nothing of the project, so that spaCy can load it as a single file.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import IO, TYPE_CHECKING, Any

import numpy
import spacy
from spacy.language import Language
from spacy.pipeline._parser_internals.stateclass import StateClass
from spacy.pipeline.ner import EntityRecognizer
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from spacy.training.corpus import walk_corpus
from spacy.training.loggers import console_logger_v3
from spacy.util import minibatch
from thinc.api import Model, set_dropout_rate

if TYPE_CHECKING:
    from dvclive import Live


# The environment variable through which spaCy lets values beat those of the config.
OVERRIDES = "SPACY_CONFIG_OVERRIDES"


@spacy.registry.readers("examples_once.v1")
def examples_once(path: str) -> Callable[[Language], list[Example]]:
    """Make a reader that reads the examples of a folder of DocBins once and then keeps them.

    spaCy asks for them at initialization, for training and at every evaluation. It holds all of
    them in memory anyway, and copies an example before it changes it.
    """
    read = Corpus(path)
    examples: list[Example] = []

    def all_examples(nlp: Language) -> list[Example]:
        if not examples:
            examples.extend(read(nlp))
        return examples

    return all_examples


@spacy.registry.batchers("whole_epochs.v1")
def whole_epochs(size: int) -> Callable[[Iterable[Example]], Iterator[list[Example]]]:
    """Make a batcher of `size` texts with which an evaluation falls at the end of every epoch.

    spaCy evaluates at step 0 and at every multiple of `eval_frequency`, which is the number of
    batches in an epoch. The very first batch is one empty text: so step 0 shows the model before it
    has learned anything, and with n batches in an epoch, step n is the epoch's last.
    """
    started = False

    def batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
        nonlocal started
        examples = list(examples)
        if not started:
            started = True
            vocab = examples[0].predicted.vocab
            yield [Example(Doc(vocab), Doc(vocab))]
        yield from minibatch(examples, size)

    return batches


@spacy.registry.callbacks("learn_labels.v1")
def learn_labels(
    component: str, labels: list[str], base: str | None = None, base_component: str | None = None
) -> Callable[[Language], Language]:
    """After initialization, give `component` its labels, and a base's weights to start from.

    labels: the labels to learn, in this order. Without it, a sourced component would take new
        labels from a set at the first update, in an order that differs from process to process.
    base, base_component: a pipeline's folder, and the entity recognizer in it whose embedding and
        hidden layer are copied. Its output layer is not, as it is for other labels. Without a base
        the component has labels already, and old and new ones are scored apart
        (`score_new_and_kept`).

    The callback raises ValueError when SPACY_CONFIG_OVERRIDES is set.
    """

    def after_init(nlp: Language) -> Language:
        if os.environ.get(OVERRIDES):
            raise ValueError(f"{OVERRIDES} is set and would silently beat the config: unset it.")
        learner = nlp.get_pipe(component)
        for label in labels:
            learner.add_label(label)  # type: ignore[attr-defined]
        if base and base_component:
            source = load_alone(base, base_component).get_pipe(base_component)
            for part in ("tok2vec", "lower"):
                copy_weights(
                    source.model.get_ref(part),  # type: ignore[attr-defined]
                    learner.model.get_ref(part),  # type: ignore[attr-defined]
                )
        else:
            learner.scorer = score_new_and_kept(labels)  # type: ignore[attr-defined]
        return nlp

    return after_init


def score_new_and_kept(labels: list[str]) -> Callable[..., dict]:
    """Make a scorer that adds `new_f`, `kept_f` and `new_and_kept_f` (0 to 1) to spaCy's scores.

    `new_f` is the mean F of `labels`, `kept_f` that of all other labels, and `new_and_kept_f` their
    geometric mean. Entities of the base are far more frequent in dev than new ones. One F over all
    would therefore pick the model that has learned nothing yet, as it agrees best with the base;
    so would the arithmetic mean, where the new labels are hard. The geometric mean is 0 for a model
    without the new labels, and a tenth lost of one F weighs as much as a tenth gained of the other.
    Where dev has no gold of any other label, `new_and_kept_f` is `new_f`: nothing kept is seen.
    """

    def score(examples: Iterable[Example], **_: object) -> dict:
        examples = list(examples)
        gold = {ent.label_ for example in examples for ent in example.reference.ents}
        scores = get_ner_prf(examples)
        per_label = scores["ents_per_type"] or {}
        for key, is_new in (("new_f", True), ("kept_f", False)):
            found = [prf["f"] for label, prf in per_label.items() if (label in labels) == is_new]
            scores[key] = sum(found) / len(found) if found else 0.0
        both = scores["new_f"] * scores["kept_f"]
        scores["new_and_kept_f"] = both**0.5 if gold - {*labels} else scores["new_f"]
        return scores

    return score


def load_alone(path: str, component: str) -> Language:
    """Load a pipeline in which `component` has its own copy of a shared tok2vec it listens to.

    path: the pipeline's folder.
    """
    nlp = spacy.load(path)
    for name, pipe in nlp.pipeline:
        if component in getattr(pipe, "listening_components", []):
            nlp.replace_listeners(name, component, ["model.tok2vec"])
    return nlp


def copy_weights(source: Model, target: Model) -> None:
    """Copy every parameter of `source` into `target`, node by node.

    Raises ValueError when the two have different numbers of nodes.
    """
    for old, new in zip(source.walk(), target.walk(), strict=True):
        for name in old.param_names:
            new.set_param(name, old.get_param(name).copy())


@spacy.registry.callbacks("rehearse.v1")
def rehearse(
    component: str, base: str, base_component: str, path: str, words: int, against_new: float
) -> Callable[[Language, dict], None]:
    """Before every update, let `component` rehearse what the base finds in general text.

    This is distillation: the target is the probability that the base gives to every move, not the
    best move alone, so that a text teaches more than its few entities (Hinton, Vinyals and Dean,
    2015, arXiv:1503.02531; for recognizers that learn new labels, Monaikul et al., 2021, AAAI
    35(15), 13570-13577). The gradients are added to those of the update that follows.

    The base knows nothing of the new labels, so what it says against them is weighted by
    `against_new`: with p the base's probabilities, q the learner's, and N the sum that q gives to
    moves of new labels, the loss is KL(p || q renormalized without N) - against_new * log(1 - N).
    At 1 that is KL(p || q), and new labels are found too rarely; at 0 nothing keeps them from being
    found everywhere.

    base, base_component: a pipeline's folder, and the entity recognizer in it that teaches.
    path: a folder of DocBins with texts. Each update takes the next texts until there are at least
        `words` tokens, and starts over when all texts are used.
    against_new: from 0 to 1.
    """
    teacher = load_alone(base, base_component).get_pipe(base_component)
    batches: list[Iterator[list[Doc]]] = []

    def before_update(nlp: Language, info: dict) -> None:
        if info["step"] == 0:
            return  # This update is the empty text before the first epoch (`whole_epochs`).
        if not batches:
            docs = Corpus(path).read_docbin(nlp.vocab, walk_corpus(path, ".spacy"))
            batches.append(batch_by_words(docs, words))
        batch = next(batches[0])
        learner = nlp.get_pipe(component)
        states, targets = follow(teacher, learner, batch)
        valid = valid_moves(learner, states)
        old = numpy.isin(move_names(learner), move_names(teacher))
        set_dropout_rate(learner.model, 0.0)  # type: ignore[attr-defined]
        step_model, finish = learner.model.begin_update(batch)  # type: ignore[attr-defined]
        scores, backprop = step_model.begin_update(states)
        backprop(gradient(scores, valid, old, targets, against_new))
        finish(batch)

    return before_update


def gradient(
    scores: numpy.ndarray,
    valid: numpy.ndarray,
    old: numpy.ndarray,
    targets: numpy.ndarray,
    against_new: float,
) -> numpy.ndarray:
    """The gradient of `rehearse`'s loss with respect to the learner's scores (states x moves).

    scores: the learner's scores before softmax (states x moves).
    valid: which moves are possible (states x moves, bool).
    old: which moves the base has, too (moves, bool).
    targets: the base's probabilities (states x moves); each row adds up to 1.
    """
    guesses, old_guesses = probabilities(scores, valid), probabilities(scores, valid & old)
    return against_new * guesses + (1 - against_new) * old_guesses - targets


def batch_by_words(docs: Iterable[Doc], words: int) -> Iterator[list[Doc]]:
    """Yield batches of at least `words` tokens, starting over when all texts are used.

    Empty texts are left out. It never ends, unless there is no text with a token.
    """
    batch: list[Doc] = []
    for doc in cycle([doc for doc in docs if len(doc)]):
        batch.append(doc)
        if sum(map(len, batch)) >= words:
            yield batch
            batch = []


def follow(
    teacher: EntityRecognizer, learner: EntityRecognizer, docs: list[Doc]
) -> tuple[list[StateClass], numpy.ndarray]:
    """Lead teacher and learner through texts by the teacher's best moves.

    Returns the learner's state before every token, and the teacher's probabilities there, as
    probabilities of the learner's moves (states x moves). Where the learner has no such move, the
    probability goes to O, the move for a token outside of entities.
    """
    moves = move_names(learner)
    to = [moves.index(name if name in moves else "O") for name in move_names(teacher)]
    one_hot = numpy.eye(len(moves), dtype="float32")[to]
    step_model = teacher.model.predict(docs)
    pairs = list(zip(teacher.moves.init_batch(docs), learner.moves.init_batch(docs), strict=True))
    states: list[StateClass] = []
    targets = []
    while pairs:
        teaching = [state for state, _ in pairs]
        guesses = probabilities(step_model.predict(teaching), valid_moves(teacher, teaching))
        targets.append(guesses @ one_hot)
        states += [state.copy() for _, state in pairs]
        for (state, learning), best in zip(pairs, guesses.argmax(axis=1), strict=True):
            teacher.moves.apply_transition(state, teacher.moves.get_class_name(best))
            learner.moves.apply_transition(learning, moves[to[best]])
        pairs = [pair for pair in pairs if not pair[0].is_final()]
    return states, numpy.concatenate(targets)


def move_names(recognizer: EntityRecognizer) -> list[str]:
    """The names of all moves, in the order of the output layer.

    spaCy's own `EntityRecognizer.move_names` leaves one move out.
    """
    return [recognizer.moves.get_class_name(i) for i in range(recognizer.moves.n_moves)]


def valid_moves(recognizer: EntityRecognizer, states: list[StateClass]) -> numpy.ndarray:
    """Which moves are possible in each state (states x moves, bool).

    For example, an entity that has begun can only go on or end.
    """
    names = move_names(recognizer)
    return numpy.array(
        [[recognizer.moves.is_valid(state, name) for name in names] for state in states]
    )


def probabilities(scores: numpy.ndarray, valid: numpy.ndarray) -> numpy.ndarray:
    """Softmax over the valid moves of each state; all other moves get 0.

    scores, valid: states x moves. At least one move of each state must be valid.
    """
    shifted = numpy.where(valid, scores, numpy.float32(-numpy.inf))
    grown = numpy.exp(shifted - shifted.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


@spacy.registry.callbacks("start_from_tok2vec.v1")
def start_from_tok2vec(component: str, base: str) -> Callable[[Language], Language]:
    """After initialization, copy what a pipeline's shared tok2vec has learned into `component`.

    What a tagger and a parser learned about the shapes and contexts of words is a good start for
    finding names.

    base: the folder of a pipeline with a component named tok2vec, of the same architecture.
    """

    def after_init(nlp: Language) -> Language:
        source = spacy.load(base).get_pipe("tok2vec")
        own = nlp.get_pipe(component).model.get_ref("tok2vec").layers[0]  # type: ignore[attr-defined]
        copy_weights(source.model, own)  # type: ignore[attr-defined]
        return nlp

    return after_init


@spacy.registry.callbacks("sort_scores.v1")
def sort_scores() -> Callable[[Language], Language]:
    """Before saving, sort the scores of each label in meta.json: spaCy takes them from a set."""

    def before_to_disk(nlp: Language) -> Language:
        performance = nlp.meta["performance"]
        for key, value in performance.items():
            if isinstance(value, dict):
                performance[key] = dict(sorted(value.items()))
        return nlp

    return before_to_disk


@spacy.registry.loggers("dvclive.v1")
def dvclive_logger(
    path: str | None = None, progress_bar: str | None = None
) -> Callable[..., tuple[Callable, Callable]]:
    """Print spaCy's own table, and write every evaluation into the folder `path` with DVCLive.

    `dvc exp show`, `dvc plots show` and DVC's editor extension read these files while the training
    runs. The same training writes the same bytes. What an older run left there is removed first.

    path: the folder; with None, only the table is printed.
    progress_bar: that of spacy.ConsoleLogger.v3: "train", "eval", or None for no bar.
    """
    table = console_logger_v3(progress_bar=progress_bar)

    def setup(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Callable[[dict[str, Any] | None], None], Callable[[], None]]:
        print_step, close_table = table(nlp, stdout, stderr)
        live = open_live(path) if path else None

        def log_step(info: dict[str, Any] | None) -> None:
            print_step(info)
            if live and info is not None:
                write_evaluation(live, nlp, info)

        def finalize() -> None:
            close_table()
            if live:
                live.end()

        return log_step, finalize

    return setup


def open_live(path: str) -> "Live":
    """Open a DVCLive that only writes files: it commits nothing and sends nothing to a server.

    DVCLive is imported here, so that it need not be installed where a model is only used.
    """
    from dvclive import Live

    class Files(Live):
        """Looks for no repository: Live would create a DVC repository inside a git one."""

        def _init_dvc(self) -> None:
            pass

    os.environ["DVC_STUDIO_OFFLINE"] = "true"
    return Files(path, resume=False, report=None, save_dvc_exp=False, dvcyaml=None)


def write_evaluation(live: "Live", nlp: Language, info: dict[str, Any]) -> None:
    """Write what spaCy's table shows of an evaluation, and the F of every label that is learned.

    Every evaluation writes the same figures; a label without entities gets 0. Scores are from 0 to
    1, as everywhere in the project.
    """
    scores = info["other_scores"]
    per_label = scores.get("ents_per_type") or {}
    weights = nlp.config["training"]["score_weights"]
    figures = {"score": info["score"]}
    figures |= {key: scores.get(key, 0.0) for key, value in weights.items() if value is not None}
    for label in learned_labels(nlp):
        # DVCLive would make a folder of the part before a slash.
        key = f"label_f/{label.replace('/', '_')}"
        figures[key] = per_label[label]["f"] if label in per_label else 0.0
    live.step = info["step"]
    live.log_metric("epoch", info["epoch"], plot=False)
    live.log_metric("loss", round(float(sum(info["losses"].values())), 2))
    for key, figure in figures.items():
        live.log_metric(key, round(float(figure), 4))
    # The best evaluation is that of the model that spaCy keeps: of equal scores, the latest.
    score, step = max(info["checkpoints"])
    live.summary["best"] = {"score": round(float(score), 4), "step": step}
    live.next_step()


def learned_labels(nlp: Language) -> list[str]:
    """The labels of all entity recognizers in a pipeline, sorted."""
    recognizers = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, EntityRecognizer)]
    return sorted({label for pipe in recognizers for label in pipe.labels})
