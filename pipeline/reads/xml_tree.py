"""Camera XML to a tree, in bounds: no entities, no document types, and never deeper or larger than a message is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from pipeline.reads.adapter import UnreadableMessageError
from pipeline.reads.texts import decoded

MAX_DEPTH = 40
MAX_ELEMENTS = 5000
"""A real message has about 150."""


@dataclass(slots=True)
class Element:
    """An element by its local name: makers disagree on the namespace."""

    name: str
    text: str = ""
    children: list["Element"] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    """By their local names."""
    _named: dict[str, "Element"] | None = field(default=None, init=False, repr=False, compare=False)
    _named_alike: dict[str, "Element"] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The first child of each name, and of each name in lower case; made when one is asked for, all are there then."""

    def first(self, *path: str) -> "Element | None":
        """Return the first element down a path of names; a name may stand anywhere among its siblings."""
        found: Element | None = self
        for name in path:
            found = found._child(name) if found else None
        return found

    def said(self, *path: str) -> str | None:
        """Return an element's text without the white space around it; None where it is missing or empty."""
        found = self.first(*path)
        return (found.text.strip() or None) if found else None

    def all(self, name: str) -> Iterator["Element"]:
        """Yield every element of that name, at any depth."""
        for child in self.children:
            if child.name.lower() == name.lower():
                yield child
            yield from child.all(name)

    def _child(self, name: str) -> "Element | None":
        """Return the child of that name, else the first that differs in case only."""
        if self._named is None:
            self._named = {child.name: child for child in reversed(self.children)}
            self._named_alike = {child.name.lower(): child for child in reversed(self.children)}
        return self._named.get(name) or self._named_alike.get(name.lower())


def parse_xml(body: bytes) -> Element:
    """Return the root. Raises UnreadableMessageError."""
    builder = _Builder()
    # What the declaration says of the encoding is often wrong; `decoded` has settled it.
    parser = expat.ParserCreate("utf-8", namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    try:
        parser.Parse(decoded(body).strip("\ufeff \t\r\n\0").encode(), True)
    except expat.ExpatError as error:
        raise UnreadableMessageError(f"not well-formed XML: {expat.ErrorString(error.code)}") from error
    if builder.root is None:
        raise UnreadableMessageError("an XML document without an element")
    return builder.root


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def refuse(self, *_: object) -> None:
        raise UnreadableMessageError("XML with a document type or entities of its own")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise UnreadableMessageError(f"XML of more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements")
        element = Element(name.rpartition("}")[2])
        if attributes:
            element.attributes = {key.rpartition("}")[2]: value for key, value in attributes.items()}
        if self._open:
            self._open[-1].children.append(element)
        self.root = self.root or element
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text
