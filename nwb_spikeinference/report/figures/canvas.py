"""
The canvas of figures: matplotlib drawings as SVG that lives inside a page.

The same drawing always gives the same bytes. Colours become CSS variables, so that the page's light, dark and print
styles reach the figures; text stays text; ids carry the figure's name, so that two figures never share one.
"""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1b2027"
SOFT = "#5c6670"
LINE = "#d5dae0"
BAND = "#eceff3"
PAPER = "#ffffff"
# Okabe & Ito (2008): told apart with any colour vision; markers differ in shape as well.
COLOURS = {"excitatory": "#d55e00", "inhibitory": "#0072b2", "unclassified": "#8a6d9c", "all": "#3f4a54"}
MARKERS = {"excitatory": "o", "inhibitory": "^", "unclassified": "D", "all": "s"}
_VARIABLES = {
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    BAND: "band",
    PAPER: "paper",
    **{colour: kind for kind, colour in COLOURS.items()},
}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nwb-spikeinference",
    "text.parse_math": False,  # a dollar sign in a band's name is a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.markersize": 5.0,
}
_LARGEST_REM, _SMALLEST_REM = 6.9, 5.0  # per inch; 6 is the size as drawn
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINKS = re.compile(r"url\(#([^)]*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One figure as the page shows it."""

    name: str
    title: str
    caption: str
    svg: str


def draw(
    paint: Callable[[Figure], None], *, name: str, title: str, caption: str, alt: str, size_in: tuple[float, float]
) -> Drawing:
    """
    Let `paint` fill an empty figure and make one ``<svg>`` element of it.

    Parameters
    ----------
    paint : callable
        Is given a figure with constrained layout.
    name : str
        Of the drawing, and prefix of all ids inside; one word, unique in the page.
    alt : str
        What the figure shows, for readers who cannot see it.
    size_in : tuple of float
        Width and height, in inches.
    """
    stream = io.StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        # The reader's browser draws the text; that the measuring font lacks a glyph does not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]
        figure = Figure(figsize=size_in, layout="constrained")
        paint(figure)
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return Drawing(name=name, title=title, caption=caption, svg=_make_inline(stream.getvalue(), name, alt, size_in[0]))


def mark_level(axes: Axes, level: float, *, vertical: bool = False) -> None:
    """Draw the line that every score is read against: chance, or no change."""
    line = axes.axvline if vertical else axes.axhline
    line(level, color=SOFT, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)


def _make_inline(text: str, name: str, alt: str, width_in: float) -> str:
    root = ElementTree.fromstring(_NOT_XML.sub("", _COMMENT.sub("", text)))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        _rewrite(element, name)
    for child in root.findall("metadata"):
        root.remove(child)
    # The same text size in all figures: a wide column shows them a little enlarged, a narrow one lets them scroll.
    width = f"max-width:{_LARGEST_REM * width_in:.1f}rem;min-width:{_SMALLEST_REM * width_in:.1f}rem"
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": alt, "style": width}
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _rewrite(element: ElementTree.Element, name: str) -> None:
    """Prefix ids and references, and turn colours into variables."""
    for key, value in element.attrib.items():
        if key == "id":
            element.set(key, f"{name}-{value}")
        elif key == "href":
            element.set(key, f"#{name}-{value.removeprefix('#')}")
        elif key == "style":
            element.set(key, _with_variables(value))
        else:
            element.set(key, _LINKS.sub(rf"url(#{name}-\1)", value))


def _with_variables(style: str) -> str:
    style = ";".join(part for part in style.split(";") if not part.strip().startswith("font-family"))
    for colour, variable in _VARIABLES.items():
        style = style.replace(colour, f"var(--{variable}, {colour})")
    return style
