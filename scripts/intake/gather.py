"""Read and check the labelled data and the general text that retention is measured on."""

from pathlib import Path

from scripts.base.recognizers import read_entity_labels
from scripts.exceptions import DataError
from scripts.intake.duplicates import list_across
from scripts.intake.files_read import describe_files
from scripts.intake.findings import CODES, Finding
from scripts.intake.folder import list_data, look_into
from scripts.intake.formats import Source, recognize
from scripts.intake.label_checks import (
    list_label_findings,
    list_unit_findings,
    unknown_renames,
)
from scripts.intake.ranks import find_lone_document, rank_documents
from scripts.intake.repairs import has_tag_labels, labels_at_the_beginning
from scripts.intake.splits import find_sources
from scripts.intake.stream import take_in
from scripts.intake.tally import Outcome, Tally
from scripts.intake.worker import Settings, load_tokenizer
from scripts.params import Params, read_fold
from scripts.words import amount

FINDINGS = ("findings.json", "findings.html", "rejected.jsonl")
# Findings about all the data, or a whole file: data.max_rejected does not tolerate them.
OF_ALL = (
    "offset-unit",
    "rename",
    "odd-label",
    "tag-label",
    "lost-label",
    "lost-spans",
    "no-common-label",
    "no-spans",
)


def make_settings(params: Params, base: Path, shares: dict[str, float], *, write: bool) -> Settings:
    """Choose from params.yaml what the workers need to know.

    shares: the share of documents of each split that has no file of its own.
    write: whether DocBins are made; False only checks.
    """
    data = params.data
    names = (data.alignment, data.unlabelled, data.rename)
    fold = read_fold(data.fold)
    return Settings(base, *names, shares, data.train_share, data.seed, write, fold)


def take_labelled(
    params: Params, base: Path, folder: Path, jobs: int, *, write: bool = True
) -> Tally:
    """Read and check the labelled data.

    Writes DocBins into the folders train, dev and test of `folder`, and appends rejected records
    to its rejected.jsonl. write: False makes no DocBins. Raises DataError.
    """
    sources, shares = find_sources(params.data)
    lone = find_lone_document(sources, params.data.unlabelled) if shares else ""
    ranked = rank_documents(sources, shares, params.data, lone)
    settings = make_settings(params, base, shares, write=write)
    names = params.data.rename
    labels = {names.get(label, label) for label in labels_at_the_beginning(sources)}
    settings = settings._replace(ranked=ranked, lone=lone, tagged=has_tag_labels(labels))
    rejected = folder / "rejected.jsonl"
    total = take_in(
        sources, settings, output=folder, rejected=rejected, jobs=jobs, title="Labelled data"
    )
    total.understood = describe_files(sources, total)
    total.beside = [str(path) for path in look_into(Path(params.data.source)).beside]
    if shares:
        total.split = "hash" if ranked is None else "rank"
    list_across(total, sources)
    known = read_entity_labels(base)
    for finding in (
        *list_unit_findings(total),
        *list_label_findings(
            total, params.data, known, is_joined=settings.tagged, lone=settings.lone
        ),
    ):
        total.add_finding(finding)
    return total


def take_general(params: Params, base: Path, folder: Path, jobs: int) -> Tally:
    """Read and check the text that retention is measured on.

    Writes as `take_labelled` does: records with spans, which are gold, into the folder general, and
    raw ones into the folder plain. Raises DataError.
    """
    path, rename = Path(params.evaluate.general), params.evaluate.rename
    settings = make_settings(params, base, {}, write=True)
    settings = settings._replace(rename=rename, unlabelled="outside", train_share=1.0)
    sources: list[Source] = [(file, recognize(file), "general") for file in list_data(path)[0]]
    rejected = folder / "rejected.jsonl"
    general = take_in(
        sources, settings, output=folder, rejected=rejected, jobs=jobs, title="General text"
    )
    for finding in list_unit_findings(general):
        general.add_finding(finding)
    for code, advice in unknown_renames("evaluate.rename", rename, set(general.labels)):
        general.add_finding(Finding(code, str(path), 0, "", ("", "", ""), advice))
    return general


def take_labelled_and_general(
    params: Params, base: Path, folder: Path, jobs: int, *, write: bool = True
) -> tuple[Tally, Tally]:
    """Read and check the labelled data and the general text.

    write: False makes no DocBins of the labelled data.

    Returns the labelled data's tally, to which the general text's counts and findings are added,
    and the general text's. Raises DataError.
    """
    (folder / "rejected.jsonl").touch()
    load_tokenizer(base)  # here, so that the workers need not
    total = take_labelled(params, base, folder, jobs, write=write)
    general = take_general(params, base, folder, jobs)
    total.add(general)
    return total, general


def stop_at_errors(total: Outcome, tolerated: int) -> None:
    """Raise DataError if all the data has an error, or too many records are rejected.

    tolerated: data.max_rejected.
    """
    is_rejected = total.unusable > tolerated
    of_all = find_roots(total.findings, is_rejected=is_rejected)
    lines = [f"{x.path}: {x.code}: {x.advice}" for x in of_all]
    if is_rejected:
        lines.append(
            f"{amount(total.unusable, 'record')} rejected, data.max_rejected tolerates "
            f"{tolerated:,}. What is rejected stands whole in rejected.jsonl: mend it and put it "
            "back into the data, or raise the number."
        )
    # A few rejected records are no cause of what is wrong with all of the data.
    if is_rejected or (of_all and 2 * (total.read - total.used) >= total.read):
        lines += name_cause(total)
    if lines:
        raise DataError("\n".join(lines))


def find_roots(findings: list[Finding], *, is_rejected: bool) -> list[Finding]:
    """The findings about all the data, without those that only come of another.

    is_rejected: whether the run stops for rejected records.
    """
    codes = {finding.code for finding in findings} & {*OF_ALL}
    outcomes = set()
    if is_rejected or codes != {"no-spans"}:
        outcomes.add("no-spans")
    if "offset-unit" in codes:
        outcomes |= {"lost-label", "lost-spans"}
    return [x for x in findings if x.code in codes - outcomes]


def name_cause(total: Outcome) -> list[str]:
    """Say why most of the records that are not used are not, with the first of them; in a line."""
    firsts = {x.code: x for x in reversed(total.findings) if x.code not in OF_ALL}
    causes = {
        code: total.found[code]
        for code in firsts
        if CODES[code][0] == "error" or code in ("answer", "unannotated")
    }
    if not causes:
        return []
    code = max(causes, key=lambda x: (causes[x], x))
    example = firsts[code]
    said = " ".join(f"{example.path}:{example.line}: {example.text} {example.advice}".split())
    shown = "".join(char if char.isprintable() else "\ufffd" for char in said)
    return [f"Of {total.read:,} records {causes[code]:,} have this: {code}: {shown}"]
