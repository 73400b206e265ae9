"""The form of a camera's XML: its tags, which are the same in each of its messages; only the texts between differ.

So a message is taken apart at its tags, and what they make is worked out once. A message whose texts could be more
than texts (a reference, a comment, a stray mark) is told apart by `parted`.
"""

from collections.abc import Iterator
from functools import lru_cache
from xml.etree import ElementTree

MAX_DEPTH = 40
MOST_TAGS = 500
"""A real message has about 300. Of longer ones no form is kept."""
KEPT_FORMS = 64
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r"))
"""What XML forbids among the characters of ASCII."""
ORDINARY = bytes(set(range(256)) - set(CONTROLS) - set(b"<>"))
"""Bytes of a text that leave in it, when they are taken out, the marks of its tags and what is forbidden."""
WHITE = " \t\n"


class Node:
    """An element by the local names below it: makers disagree on the namespace. What was found in it once is kept."""

    __slots__ = ("_alike", "_below", "_named", "element", "own", "places")

    def __init__(self, element: ElementTree.Element, places: "dict[ElementTree.Element, list[int]] | None") -> None:
        """`places`: of a form, which of a message's texts stand in each element; None: each holds its own."""
        self.element = element
        self.places = places
        self.own = None if places is None else places[element]
        """Which of a message's texts stand in this element."""
        self._named: dict[str, ElementTree.Element] | None = None
        self._alike: dict[str, ElementTree.Element] | None = None
        """The first child of each name, and of each name in lower case; made when they are asked for."""
        self._below: dict[tuple[str, ...], Node | None] = {}

    def below(self, path: tuple[str, ...]) -> "Node | None":
        """Return the first element down a path of names; a name may stand anywhere among its siblings."""
        if path in self._below:
            return self._below[path]
        found: Node | None = self
        if len(path) == 1:
            child = self._child(path[0])
            found = None if child is None else Node(child, self.places)
        else:
            for name in path:
                found = found.below((name,)) if found is not None else None
        self._below[path] = found
        return found

    def anywhere(self, name: str) -> "Node | None":
        """Return the first element of that name and of this one's namespace, at any depth; else the first of `all`."""
        key = ("", name)  # no element is named so
        if key not in self._below:
            tag = self.element.tag
            found = next(self.element.iter(tag[: tag.find("}") + 1] + name), None)
            if found is None or found is self.element:
                self._below[key] = next(self.all(name), None)
            else:
                self._below[key] = Node(found, self.places)
        return self._below[key]

    def all(self, name: str) -> "Iterator[Node]":
        """Yield every element of that name, at any depth."""
        wanted, length = name.lower(), len(name)
        for element in self.element.iter():
            tag = element.tag
            if tag[-length:].lower() == wanted and local(tag).lower() == wanted and element is not self.element:
                yield Node(element, self.places)

    def _child(self, name: str) -> ElementTree.Element | None:
        """Return the child of that name, else the first that differs in case only."""
        if self._named is None:
            self._named = {local(child.tag): child for child in reversed(self.element)}
        found = self._named.get(name)
        if found is None:
            if self._alike is None:
                self._alike = {local(child.tag).lower(): child for child in reversed(self.element)}
            found = self._alike.get(name.lower())
        return found


class Form:
    """The tags of a message that is well-formed whatever texts stand between them, but outside of its root."""

    def __init__(self, tags: tuple[str, ...], root: ElementTree.Element) -> None:
        self._outside = [0]
        places: dict[ElementTree.Element, list[int]] = {}
        elements, above = root.iter(), list[ElementTree.Element]()
        self.depth = 0
        for number, tag in enumerate(tags, 1):
            if tag.startswith("/"):
                above.pop()
            elif not tag.startswith("?"):
                above.append(next(elements))
                self.depth = max(self.depth, len(above))
                if tag.endswith("/"):
                    places.setdefault(above.pop(), [])
            if above:
                places.setdefault(above[-1], []).append(number)
            else:
                self._outside.append(number)
        self.root = Node(root, places)

    def fits(self, texts: list[str]) -> bool:
        """Return whether nothing but white space stands outside of the root."""
        return not any(texts[number].strip(WHITE) for number in self._outside)


def parted(text: str) -> tuple[list[str], tuple[str, ...]] | None:
    """Return a message's texts and the tags between them, without their marks; None where there is more to it."""
    if "&" in text or "<!" in text or "\ufffe" in text or "\uffff" in text:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    pieces = text.replace(">", "<").split("<")
    texts, tags = pieces[::2], tuple(pieces[1::2])
    if len(tags) > MOST_TAGS or len(texts) != len(tags) + 1:
        return None
    takes_turns = text.encode().translate(None, ORDINARY) == b"<>" * len(tags)
    return (texts, tags) if takes_turns else None


@lru_cache(maxsize=KEPT_FORMS)
def form_of(tags: tuple[str, ...]) -> Form | None:
    """Return the form that these tags make; None where they make none, or one that is too deep to be a message."""
    try:
        form = Form(tags, tree("".join([f"<{tag}>" for tag in tags])))
    except ElementTree.ParseError:
        return None
    return form if form.depth <= MAX_DEPTH else None


def tree(text: str) -> ElementTree.Element:
    """Return the root of a text. Raises ParseError."""
    # What the declaration says of the encoding is often wrong; whoever decoded the text has settled it.
    parser = ElementTree.XMLParser(encoding="utf-8")
    parser.feed(text)
    root: ElementTree.Element = parser.close()
    return root


def local(name: str) -> str:
    return name.rpartition("}")[2]
