"""Plots as part of a page: matplotlib's SVG, so changed that many stand in one document.

Only what matplotlib draws with is kept: elements and attributes from a list, styles as attributes,
ids that begin with the name of their figure.
"""

import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

from markupsafe import Markup, escape

_ELEMENTS = frozenset(
    {
        "svg", "g", "path", "use", "clipPath", "rect", "image", "pattern", "circle", "line", "defs",
        "text", "tspan",
    }
)  # fmt: skip
_STYLES = frozenset(
    {
        "fill", "fill-opacity", "fill-rule", "font-size", "font-style", "font-weight", "opacity",
        "stroke", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin",
        "stroke-miterlimit", "stroke-opacity", "stroke-width", "text-anchor",
    }
)  # fmt: skip
_ATTRIBUTES = frozenset(
    {
        "clip-path", "clipPathUnits", "cx", "cy", "d", "height", "href", "id", "patternUnits",
        "preserveAspectRatio", "r", "transform", "viewBox", "width", "x", "x1", "x2", "y", "y1",
        "y2",
    }
)  # fmt: skip
_GROUND = "patch_1"
"""The white ground of a whole figure; a page has its own."""
_REFERENCE = re.compile(r"url\(#([^)]*)\)")
_NUMBER = re.compile(r"(-?\d+\.\d\d)\d+")


def drawing(svg: str, name: str, label: str) -> Markup:
    """Return what matplotlib wrote as a part of a page.

    name: what its ids begin with, of its own in the page. label: what it shows, for those who do
    not see it. Raises ValueError for what is no SVG.
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise ValueError(f"not an SVG: {error}") from None
    used = {one for each in root.iter() for one in _named_by(each)}
    width = float(root.get("width", "600").removesuffix("pt"))
    said = {
        "viewBox": root.get("viewBox", "0 0 1 1"), "role": "img", "aria-label": label,
        "class": "plot", "style": f"max-width:{width * 4 / 3:.0f}px",
        "stroke-linejoin": "round", "stroke-linecap": "butt",
    }  # fmt: skip
    return _written("svg", said, "".join(_part(child, name, used) for child in root))


def _part(found: ElementTree.Element, name: str, used: set[str]) -> str:
    kind = _local(found.tag)
    if kind not in _ELEMENTS or found.get("id") == _GROUND:
        return ""
    attributes = _attributes(found, name, used)
    inside = escape(found.text or "") if kind in ("text", "tspan") else ""
    inside += Markup("".join(_part(child, name, used) for child in found))
    if kind in ("defs", "g", "text") and not inside:
        return ""
    if kind == "g" and not attributes:
        return inside
    return _written(kind, attributes, inside)


def _written(kind: str, attributes: Mapping[str, str], inside: str) -> Markup:
    said = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{kind}{said}>{inside}</{kind}>" if inside else f"<{kind}{said}/>")


def _attributes(found: ElementTree.Element, name: str, used: set[str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for rule in found.get("style", "").split(";"):
        key, _, value = rule.partition(":")
        if key.strip() in _STYLES:
            said[key.strip()] = value.strip()
    for key, value in found.attrib.items():
        local = _local(key)
        if local == "id":
            if value in used:
                said["id"] = f"{name}-{value}"
        elif local == "href":
            if value.startswith("#"):
                said["href"] = f"#{name}-{value[1:]}"
            elif value.startswith("data:image/png;base64,"):
                said["href"] = "".join(value.split())
        elif local in _ATTRIBUTES or local in _STYLES:
            said[local] = value
    for key, value in said.items():
        said[key] = _REFERENCE.sub(lambda match: f"url(#{name}-{match[1]})", value)
    if "d" in said:  # a hundredth of a point is less than anybody sees
        said["d"] = _NUMBER.sub(r"\1", " ".join(said["d"].split()))
    return said


def _named_by(found: ElementTree.Element) -> Iterator[str]:
    """Yield the ids that an element points to."""
    for key, value in found.attrib.items():
        if _local(key) == "href" and value.startswith("#"):
            yield value[1:]
        yield from _REFERENCE.findall(value)


def _local(name: str) -> str:
    return name.rpartition("}")[2]
