"""Check that the links inside a built site lead somewhere: ``python docs/check_links.py SITE``.

Every page, picture and anchor that a page of the site names must exist. No two pages of text
that a search finds may have the same title, nor may two pages of the reference. Nothing is
fetched: links to other sites are left alone.
"""

import json
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

NO_FRAGMENT = {"", "top"}


class Page(HTMLParser):
    """The anchors of a page, and what it links to."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links = set(NO_FRAGMENT), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note what a tag names and what it refers to."""
        for name, value in attrs:
            if value and (name == "id" or (tag == "a" and name == "name")):
                self.anchors.add(value)
            elif value and name in {"href", "src"}:
                self.links.add(value)


def broken_links(site):
    """Find the links inside a site that lead nowhere.

    Parameters
    ----------
    site : Path
        The folder of its pages.

    Returns
    -------
    list of str
        Page and link, of each that is broken.
    """
    site = site.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in _pages_of(site)}
    return [
        f"{path.relative_to(site)}: {link}"
        for path, page in sorted(pages.items())
        for link in sorted(page.links)
        if not _exists(link, path, pages)
    ]


def _pages_of(site):
    """Give the pages of a site, without the templates among its static files."""
    return [path for path in site.rglob("*.html") if "_static" not in path.parts]


def _exists(link, path, pages):
    """Say whether a link leads somewhere, or to another site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if target in pages:
        return unquote(parts.fragment) in pages[target].anchors
    return target.is_file()


def repeated_titles(site):
    """Find the titles that a search shows more than once.

    Parameters
    ----------
    site : Path
        The folder of its pages, with ``searchindex.js``.

    Returns
    -------
    list of str
        Each title that several pages have.
    """
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("{") : text.rindex("}") + 1])
    pages = zip(index["docnames"], index["titles"])
    titles = Counter((name.startswith("generated/"), title) for name, title in pages)
    return [title for (_, title), count in titles.items() if count > 1]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    broken, repeated = broken_links(folder), repeated_titles(folder)
    print(*broken, sep="\n")
    print(f"{len(broken)} broken links, {len(repeated)} repeated titles {repeated or ''}")
    sys.exit(bool(broken or repeated))
