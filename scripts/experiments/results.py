"""What came of the trials of a sweep: a row for each, and which are the best."""

from typing import Any

from wasabi import msg

from scripts.experiments.declaration import Sweep
from scripts.experiments.ingredients import hash_of, ingredients_here, ingredients_of, what_differs
from scripts.experiments.naming import NEW_F, RETENTION, name_of, short_names
from scripts.experiments.repository import finished, refs_of
from scripts.keeping.gate import shares_kept, why_refused
from scripts.params import Params
from scripts.provenance.revisions import facts, git


def result_of(name: str, commit: str, sweep: Sweep, params: Params) -> tuple[float, float]:
    """What a search is told of a trial.

    Returns the figure to maximize, and by how much what is kept, by gold or by agreement, is below
    what must be kept (0 where enough is kept).
    """
    found = facts(refs_of(commit) + name)
    if keeps_enough(found, params):
        return found[sweep.maximize], 0.0
    least = min(shares_of(found).values(), default=0.0)
    return found[sweep.maximize], params.evaluate.min_retention - least


def shares_of(found: dict[str, Any]) -> dict[str, float]:
    """What is known of how much a trial kept (`shares_kept`). found: of `facts`."""
    return shares_kept(found.get("gold.retention"), found.get("agreement.ents_f"))


def keeps_enough(found: dict[str, Any], params: Params) -> bool:
    """Whether a trial keeps what the gate asks for. found: of `facts`."""
    return why_refused(shares_of(found), found["training.strategy"], params) is None


def mark_best(rows: list[dict]) -> list[dict]:
    """Fill the column `best` (with "best" or ""): the Pareto front of new_f and retention.

    A row is best where no other row is as good in both measures and better in one.
    """

    def measures(row: dict) -> tuple[float, float]:
        return row["new_f"], row["retention"] or 0.0

    def beaten(row: dict) -> bool:
        mine = measures(row)
        others = map(measures, rows)
        return any(x[0] >= mine[0] and x[1] >= mine[1] and x != mine for x in others)

    return [row | {"best": "" if beaten(row) else "best"} for row in rows]


def make_row(name: str, found: dict[str, Any], sweep: Sweep, params: Params) -> dict[str, Any]:
    """The row of a trial: its values, its figures, and whether it keeps enough.

    found: of `facts`.
    """
    figures = {"new_f": NEW_F, "low": f"{NEW_F}_low", "high": f"{NEW_F}_high"}
    figures |= {x: x for x in (RETENTION, f"{RETENTION}_low", f"{RETENTION}_high")}
    if sweep.maximize != NEW_F:
        figures[sweep.maximize] = sweep.maximize
    row = {column: found[key] for key, column in short_names(sweep.keys).items()}
    row |= {column: found.get(key) for column, key in figures.items()}
    kept = keeps_enough(found, params)
    return row | {"kept": "yes" if kept else "no", "name": name}


def read_trials(sweep: Sweep, params: Params, commit: str) -> list[dict[str, Any]]:
    """A row for each finished trial of a commit, in the order of the values that they try.

    Trials of other data, another base or other params than those here are left out, and a warning
    names what differs.
    """
    rows: list[dict[str, Any]] = []
    others: set[str] = set()
    here, folder = ingredients_here(), refs_of(commit)
    for name in finished(commit):
        found = facts(folder + name)
        if name != name_of("sweep", commit, {key: found.get(key) for key in sweep.keys}):
            continue
        there = ingredients_of(folder + name)
        if differ := what_differs(there, here, sweep.keys):
            others |= {*differ}
        else:
            row = make_row(name, found, sweep, params)
            rows.append(row | {"made_of": hash_of(there, sweep.keys)})
    if others:
        msg.warn(f"Not shown: trials of {commit}, made with other {', '.join(sorted(others))}")
    names = short_names(sweep.keys).values()
    rows.sort(key=lambda row: [(str(type(row[x])), row[x]) for x in names])
    return mark_best(rows)


def last_trials(sweep: Sweep, params: Params) -> list[dict[str, Any]]:
    """The rows of `read_trials` for the last commit that has any trial of this declaration."""
    refs = git("for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    named = {"".join(ref.split("/")[2:4]) for ref in refs if "/sweep-" in ref}
    for commit in git("rev-list", "HEAD").splitlines():
        if commit in named and (rows := read_trials(sweep, params, commit[:7])):
            return rows
    return []


def ranked(rows: list[dict[str, Any]], sweep: Sweep) -> list[dict[str, Any]]:
    """The rows, the best first.

    Trials that keep enough come first, by the figure that is maximized; then come the others, by
    retention.
    """
    measure = "new_f" if sweep.maximize == NEW_F else sweep.maximize

    def rank(row: dict[str, Any]) -> tuple:
        kept = row["kept"] == "yes"
        return (kept, row[measure]) if kept else (kept, row["retention"] or 0.0)

    return sorted(rows, key=rank, reverse=True)
