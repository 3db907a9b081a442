"""Pages, tried in a browser and with hostile texts in them."""

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
    """No element of the page runs or loads anything, but for so many scripts of its own."""
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
    """A value in which these names, keys too, are hostile."""
    if isinstance(value, dict):
        return {poison(key, names): poison(inner, names) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [poison(inner, names) for inner in value]
    return value + HOSTILE if isinstance(value, str) and value in names else value


def island_cut(page: str) -> str:
    """The page without its data."""
    return re.sub(r'(id="data">).*?(</script>)', r"\1\2", page, flags=re.DOTALL)


def browse(path: Path, query: str = "", *flags: str) -> str:
    """The page as Chromium made it, without a network; nothing may be said on its console."""
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
