"""For tests of pages: a browser, and texts that would like to be more than text."""

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
    """The elements of a page as (tag, attributes), and all of its words."""

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
    """Assert that hostile text is on the page, and became nothing that runs or loads anything.

    scripts: how many scripts the page has of its own.
    """
    elements = Elements(page)
    tags = [tag for tag, _ in elements.found]
    assert tags.count("script") == scripts
    assert not {"img", "image", "iframe", "object", "embed", "link", "base", "marquee"} & {*tags}
    for _, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on") or name == "autofocus"]
        for name in ("href", "src", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    # It is there, and not only left out.
    assert "document.title='run'" in elements.words


def poison(value: Any, names: set[str]) -> Any:
    """Append hostile text to these names wherever they stand in a value, keys included."""
    if isinstance(value, dict):
        return {poison(key, names): poison(inner, names) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [poison(inner, names) for inner in value]
    return value + HOSTILE if isinstance(value, str) and value in names else value


def island_cut(page: str) -> str:
    """The page without its data."""
    return re.sub(r'(id="data">).*?(</script>)', r"\1\2", page, flags=re.DOTALL)


def browse(path: Path, query: str = "", *flags: str) -> str:
    """Let Chromium open a page without a network, and return what became of it, as HTML.

    query: what follows the page's address. flags: more options of Chromium. Its console must stay
    empty. The data within the page is left out.
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
