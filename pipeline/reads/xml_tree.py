"""Camera XML to a tree, in bounds: no entities, no document types, and never deeper or larger than a message is."""

from collections.abc import Iterator, Sequence
from itertools import chain
from xml.etree import ElementTree
from xml.parsers import expat

from pipeline.reads.adapter import UnreadableMessageError
from pipeline.reads.texts import decoded
from pipeline.reads.xml_form import MAX_DEPTH, Node, form_of, local, parted, tree

MAX_ELEMENTS = 5000
"""A real message has about 150."""
MAX_MARKS = 4 * MAX_ELEMENTS
"""Of `<`: two for each element, and some for comments. More are not even parsed."""


class Element:
    """An element of one message, by its local name."""

    __slots__ = ("_node", "_texts")

    def __init__(self, node: Node, texts: Sequence[str] = ()) -> None:
        """`texts`: of the message, where the node is one of a form."""
        self._node = node
        self._texts = texts

    @classmethod
    def of_tree(cls, root: ElementTree.Element) -> "Element":
        return cls(Node(root, None))

    @property
    def name(self) -> str:
        return local(self._node.element.tag)

    @property
    def text(self) -> str:
        """What stands in it, but not in its children."""
        return _text(self._node, self._texts)

    @property
    def children(self) -> list["Element"]:
        return [Element(Node(child, self._node.places), self._texts) for child in self._node.element]

    @property
    def attributes(self) -> dict[str, str]:
        """By their local names."""
        return {local(name): value for name, value in self._node.element.attrib.items()}

    def first(self, *path: str) -> "Element | None":
        """Return the first element down a path of names; a name may stand anywhere among its siblings."""
        found = self._node.below(path)
        return None if found is None else Element(found, self._texts)

    def said(self, *path: str) -> str | None:
        """Return an element's text without the white space around it; None where it is missing or empty."""
        found = self._node.below(path)
        return None if found is None else _text(found, self._texts).strip() or None

    def all(self, name: str) -> Iterator["Element"]:
        """Yield every element of that name, at any depth."""
        return (Element(found, self._texts) for found in self._node.all(name))

    def anywhere(self, name: str) -> "Element | None":
        """Return the first element of that name and of this one's namespace, at any depth; else the first of `all`."""
        found = self._node.anywhere(name)
        return None if found is None else Element(found, self._texts)


def parse_xml(body: bytes) -> Element:
    """Return the root. Raises UnreadableMessageError."""
    text = decoded(body).strip("\ufeff \t\r\n\0")
    # Where there is no document type there are no entities of its own either.
    if "<!DOCTYPE" in text:
        raise UnreadableMessageError("XML 带有自定义的文档类型或实体")
    if text.count("<") > MAX_MARKS:
        raise _too_large()
    if (parts := parted(text)) is not None:
        texts, tags = parts
        form = form_of(tags)
        if form is not None and form.fits(texts):
            return Element(form.root, texts)
    try:
        root = tree(text)
    except ElementTree.ParseError as error:
        raise UnreadableMessageError(f"XML 不合规（{expat.ErrorString(error.code)}）") from error
    _check_size(root)
    return Element.of_tree(root)


def _text(node: Node, texts: Sequence[str]) -> str:
    if (own := node.own) is not None:
        return texts[own[0]] if len(own) == 1 else "".join([texts[number] for number in own])
    element = node.element
    text = element.text or ""
    return text + "".join(child.tail or "" for child in element) if len(element) else text


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
