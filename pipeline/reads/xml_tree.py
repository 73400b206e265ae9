"""Camera XML to a tree, in bounds: no entities, no document types, and never deeper or larger than a message is."""

from collections.abc import Iterator
from itertools import chain
from xml.etree import ElementTree
from xml.parsers import expat

from pipeline.reads.adapter import UnreadableMessageError
from pipeline.reads.texts import decoded

MAX_DEPTH = 40
MAX_ELEMENTS = 5000
"""A real message has about 150."""
MAX_MARKS = 4 * MAX_ELEMENTS
"""Of `<`: two for each element, and some for comments. More are not even parsed."""


class Element:
    """An element by its local name: makers disagree on the namespace."""

    __slots__ = ("_alike", "_known", "_named", "_node")

    def __init__(self, node: ElementTree.Element) -> None:
        self._node = node
        self._named: dict[str, ElementTree.Element] | None = None
        self._alike: dict[str, ElementTree.Element] | None = None
        """The first child of each name, and of each name in lower case; made when they are asked for."""
        self._known: dict[str, Element] = {}

    @property
    def name(self) -> str:
        return _local(self._node.tag)

    @property
    def text(self) -> str:
        """What stands in it, but not in its children."""
        text = self._node.text or ""
        return text + "".join(child.tail or "" for child in self._node) if len(self._node) else text

    @property
    def children(self) -> list["Element"]:
        return [Element(child) for child in self._node]

    @property
    def attributes(self) -> dict[str, str]:
        """By their local names."""
        return {_local(name): value for name, value in self._node.attrib.items()}

    def first(self, *path: str) -> "Element | None":
        """Return the first element down a path of names; a name may stand anywhere among its siblings."""
        found: Element | None = self
        for name in path:
            if found is None:
                return None
            found = found._child(name)
        return found

    def said(self, *path: str) -> str | None:
        """Return an element's text without the white space around it; None where it is missing or empty."""
        found = self.first(*path)
        return (found.text.strip() or None) if found is not None else None

    def all(self, name: str) -> Iterator["Element"]:
        """Yield every element of that name, at any depth."""
        wanted, length = name.lower(), len(name)
        for node in self._node.iter():
            tag = node.tag
            if tag[-length:].lower() == wanted and _local(tag).lower() == wanted and node is not self._node:
                yield Element(node)

    def anywhere(self, name: str) -> "Element | None":
        """Return the first element of that name and of this one's namespace, at any depth; else the first of `all`."""
        tag = self._node.tag
        found = next(self._node.iter(tag[: tag.find("}") + 1] + name), None)
        return next(self.all(name), None) if found is None or found is self._node else Element(found)

    def _child(self, name: str) -> "Element | None":
        """Return the child of that name, else the first that differs in case only."""
        if (known := self._known.get(name)) is not None:
            return known
        if self._named is None:
            self._named = {child.tag.rpartition("}")[2]: child for child in reversed(self._node)}
        found = self._named.get(name)
        if found is None:
            if self._alike is None:
                self._alike = {_local(child.tag).lower(): child for child in reversed(self._node)}
            found = self._alike.get(name.lower())
        if found is None:
            return None
        known = self._known[name] = Element(found)
        return known


def parse_xml(body: bytes) -> Element:
    """Return the root. Raises UnreadableMessageError."""
    text = decoded(body).strip("\ufeff \t\r\n\0")
    # Where there is no document type there are no entities of its own either.
    if "<!DOCTYPE" in text:
        raise UnreadableMessageError("XML 带有自定义的文档类型或实体")
    if text.count("<") > MAX_MARKS:
        raise _too_large()
    # What the declaration says of the encoding is often wrong; `decoded` has settled it.
    parser = ElementTree.XMLParser(encoding="utf-8")
    try:
        parser.feed(text)
        root = parser.close()
    except ElementTree.ParseError as error:
        raise UnreadableMessageError(f"XML 不合规（{expat.ErrorString(error.code)}）") from error
    _check_size(root)
    return Element(root)


def _check_size(root: ElementTree.Element) -> None:
    """Raises UnreadableMessageError."""
    level, depth, count = [root], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise _too_large()
        level = list(chain.from_iterable(level))


def _too_large() -> UnreadableMessageError:
    return UnreadableMessageError(f"XML 超过 {MAX_DEPTH} 层或 {MAX_ELEMENTS} 个元素")


def _local(name: str) -> str:
    return name.rpartition("}")[2]
