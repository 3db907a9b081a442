"""Compare two commits: is the second model better, where, and could it be chance?

    python -m scripts.compare [BEFORE] [AFTER]

Each is a commit, branch, tag or the name of an experiment; `workspace` is what lies in the folder.
Without arguments, the last commit is compared with the workspace. Nothing is run: the predictions
of every evaluation are in DVC's cache (`dvc fetch` brings those of another machine). Only texts
that both have with the same gold annotation are compared; a note says how many are left out.

`--page metrics/comparison.html` also writes the evaluation that lies here as a page, as `report`
does, with the comparison in it: each text then says whether it got better or worse.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.exceptions import RevisionError, door
from scripts.provenance.comparison import compare_revisions
from scripts.provenance.revisions import WORKSPACE
from scripts.reporting.comparison import as_code, as_markdown, show
from scripts.reporting.evaluation import write_report


@door
def main(
    before: str = typer.Argument("HEAD", help="A commit, branch, tag or experiment"),
    after: str = typer.Argument(WORKSPACE, help="The same; workspace is what lies here"),
    md: bool = typer.Option(False, "--md", help="Markdown, for a pull request"),
    as_json: bool = typer.Option(False, "--json", help="JSON, for programs"),
    page: Annotated[
        Path | None, typer.Option(help="Also write what lies here as a page, compared")
    ] = None,
) -> None:
    """Compare two commits: is the second model better, where, and could it be chance?"""
    if page and after != WORKSPACE:
        raise typer.BadParameter(f"--page shows what lies here, not {after}: dvc exp apply, or git")
    try:
        result = compare_revisions(before, after)
    except RevisionError as error:
        if md:  # the reason is posted in the place of the comparison
            print(f"There is no comparison: {as_code(str(error))}")
            raise SystemExit(1) from None
        raise
    if page:
        write_report(page, result)
    if as_json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    elif md:
        print(as_markdown(result))
    else:
        show(result)
        if page:
            msg.good(f"The evaluation as a page, compared with {before}: {page}")


if __name__ == "__main__":
    typer.run(main)
