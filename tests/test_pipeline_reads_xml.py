"""Camera XML becomes a tree in bounds, whatever its namespaces; what goes beyond them is refused."""

import pytest

from pipeline.reads.adapter import UnreadableMessageError
from pipeline.reads.xml_tree import MAX_DEPTH, MAX_ELEMENTS, parse_xml

AGAINST_BOUNDS = "层或"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<!DOCTYPE a><a/>", "自定义的文档类型"),
        (b'<!DOCTYPE l [<!ENTITY a "x">]><l>&a;</l>', "自定义的文档类型"),
        (b"<a>&x;</a>", "undefined entity"),
        (b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1), AGAINST_BOUNDS),
        (b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>", AGAINST_BOUNDS),
        (b"<a>" + b"<b/>" * 1_000_000, AGAINST_BOUNDS),
        (b"<a", "unclosed"),
        (b"", "no element"),
        (b"<x:a/>", "unbound prefix"),
    ],
)
def test_what_is_no_xml_of_a_camera_is_refused(body: bytes, why: str):
    with pytest.raises(UnreadableMessageError, match=why):
        parse_xml(body)


def test_names_go_without_their_namespaces_and_texts_without_those_of_children():
    root = parse_xml(b'<x:a xmlns:x="u" xmlns:y="v"><x:B y:z="1"> t<c>other</c><!-- no -->u </x:B><b>second</b></x:a>')
    assert (root.name, root.said("B"), root.said("b"), root.said("X")) == ("a", "tu", "second", None)
    assert root.said("B", "C") == "other", "of no child of that name, the one that differs in case"
    assert [(child.name, child.attributes) for child in root.children] == [("B", {"z": "1"}), ("b", {})]
    assert [found.text for found in root.all("b")] == [" tu ", "second"]


def test_as_large_as_may_be_is_read():
    assert parse_xml(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).name == "a"
    assert len(parse_xml(b"<a>" + b"<b/>" * (MAX_ELEMENTS - 1) + b"</a>").children) == MAX_ELEMENTS - 1
