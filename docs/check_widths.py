"""Check that no page of a built site is wider than its screen.

``python docs/check_widths.py SITE [WIDTH ...]`` opens every page in Chromium, 390, 1,280 and
1,400 pixels wide unless widths are given, and lists those that scroll sideways
and those where a table, or code of up to 92 columns, is cut. Run it by hand, as it
needs a browser.
"""

import functools
import html
import json
import re
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SKIPPED = ("_modules", "_static")
PROBE = """<!doctype html><body><pre id="found"></pre><script>
const pages = PAGES, width = WIDTH, found = [];
const frame = document.createElement("iframe");
frame.style = `width:${width}px;height:900px;border:0`;
document.body.append(frame);
function look(page) {
    const site = frame.contentDocument, root = site.documentElement;
    if (root.scrollWidth > width + 1) found.push(`${page} is ${root.scrollWidth} wide`);
    const article = site.querySelector(".bd-article-container");
    if (article && article.scrollWidth > article.clientWidth + 1)
        found.push(`${page}: the article scrolls, ${article.scrollWidth} wide`);
    for (const pre of site.querySelectorAll(".bd-article pre")) {
        const columns = Math.max(...pre.textContent.split("\\n").map(line => line.length));
        if (width > 1000 && columns < 93 && pre.scrollWidth > pre.clientWidth + 1)
            found.push(`${page}: code of ${columns} columns is cut`);
    }
    for (const table of site.querySelectorAll(".bd-article table")) {
        const box = table.closest(".pst-scrollable-table-container, div.output_html");
        if (!box && table.scrollWidth > table.parentElement.clientWidth + 1)
            found.push(`${page}: a table is cut`);
    }
}
(async () => {
    for (const page of pages) {
        await new Promise(done => { frame.onload = done; frame.src = page; });
        look(page);
    }
    document.getElementById("found").textContent = JSON.stringify(found);
    document.title = "done";
})();
</script></body>"""


class Handler(SimpleHTTPRequestHandler):
    """The site, and next to it the page that looks at all others."""

    probe = ""

    def do_GET(self):
        """Serve the probe, or a file."""
        if self.path != "/_probe.html":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.probe.encode())

    def log_message(self, *args):
        """Say nothing."""


def too_wide(browser, site, width):
    """List what does not fit into a screen.

    Parameters
    ----------
    browser : str
        A Chromium.
    site : Path
        The folder of the pages.
    width : int
        The width of the screen in pixels.

    Returns
    -------
    list of str
        A line for each.
    """
    pages = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]
    pages = [page for page in pages if not page.startswith(SKIPPED)]
    Handler.probe = PROBE.replace("PAGES", json.dumps(pages)).replace("WIDTH", str(width))
    serve = functools.partial(Handler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/_probe.html"
        shown = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
             f"--window-size={width + 100},1000", "--virtual-time-budget=600000", address],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        server.shutdown()
    found = re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)[1]
    if not found:
        sys.exit("The browser stopped before it had seen all pages.")
    return json.loads(html.unescape(found))


if __name__ == "__main__":
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        sys.exit("This needs Chromium.")
    widths = [int(width) for width in sys.argv[2:]] or [390, 1280, 1400]
    wide = {width: too_wide(chromium, Path(sys.argv[1]), width) for width in widths}
    for width, lines in wide.items():
        print(f"{width} pixels: {len(lines)} found", *lines, sep="\n  ")
    sys.exit(any(wide.values()))
