"""For tests of HTML pages: open them in a browser, and put hostile text into them."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(
    (path for x in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(x))),
    None,
)
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the path")
HOSTILE = (
    "</text></td></code></script ></script><script>document.title='run'</script>"
    "<img src=x onerror=run()>"
    "<svg onload=run()><iframe src='javascript:run()'></iframe>\"' onfocus=run() autofocus x=\""
    " `[a](javascript:run()) ![b](http://localhost/b) | x\n\n# h\n\n<marquee>&lt;\x1b[31m\x07\x00"
)


class Elements(HTMLParser):
    """A parsed page: `found` has its elements as (tag, attributes), `words` has all of its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def assert_text_stayed_text(page: str, scripts: int = 0) -> None:
    """Assert that the page shows hostile text as text, and that none of it runs or loads anything.

    page: HTML that was made from texts with HOSTILE in them.
    scripts: how many script elements the page has of its own.
    """
    elements = Elements(page)
    tags = [tag for tag, _ in elements.found]
    assert tags.count("script") == scripts
    assert not {"img", "image", "iframe", "object", "embed", "link", "base", "marquee"} & {*tags}
    for _, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on") or name == "autofocus"]
        for name in ("href", "src", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    # The page shows the hostile text; it was not just left out.
    assert "document.title='run'" in elements.words


def poison(value: Any, names: set[str]) -> Any:
    """Append HOSTILE to some strings wherever they are in a nested value, keys included.

    names: the strings.

    Returns a new value; tuples in it become lists.
    """
    if isinstance(value, dict):
        return {poison(key, names): poison(inner, names) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [poison(inner, names) for inner in value]
    return value + HOSTILE if isinstance(value, str) and value in names else value


def island_cut(page: str) -> str:
    """Return the page without the data that is embedded in it."""
    return re.sub(r'(id="data">).*?(</script>)', r"\1\2", page, flags=re.DOTALL)


def browse(path: Path, query: str = "", *flags: str) -> str:
    """Open a page in Chromium, without a network, and assert that its console stays empty.

    query: what to append to the page's address.
    flags: more options of Chromium.

    Returns the page's HTML after its scripts have run, without the data embedded in it.
    """
    assert CHROMIUM
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            f"--user-data-dir={path.parent / 'profile'}", "--virtual-time-budget=5000",
            "--enable-logging=stderr", "--v=0", "--host-resolver-rules=MAP * ~NOTFOUND",
            *flags, f"{path.as_uri()}{query}",
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    return island_cut(done.stdout)
