"""Camera XML becomes a tree in bounds, whatever its namespaces; what goes beyond them is refused."""

from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.reads.adapter import UnreadableMessageError
from pipeline.reads.synthetic import Said, hikvision_xml
from pipeline.reads.texts import decoded
from pipeline.reads.xml_form import KEPT_FORMS, MAX_DEPTH, MOST_TAGS, form_of, parted
from pipeline.reads.xml_tree import MAX_ELEMENTS, Element, parse_xml

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


def test_messages_whose_tags_are_the_same_are_taken_apart_once_and_each_says_its_own():
    form_of.cache_clear()
    roots = [parse_xml(hikvision_xml(Said(text, message_id=text * 2)).encode()) for text in ("鲁B12345", "鲁B54321")]
    assert [(root.said("ANPR", "licensePlate"), root.said("UUID")) for root in roots] == [
        ("蓝鲁B12345", "鲁B12345鲁B12345"), ("蓝鲁B54321", "鲁B54321鲁B54321"),
    ]  # fmt: skip
    assert (form_of.cache_info().misses, form_of.cache_info().hits) == (1, 1)


def test_forms_are_kept_of_messages_of_a_message_s_size_and_of_so_many_alone():
    assert parted("<a>" + "<b/>" * (MOST_TAGS - 2) + "</a>") is not None
    assert parted("<a>" + "<b/>" * (MOST_TAGS - 1) + "</a>") is None
    form_of.cache_clear()
    for number in range(2 * KEPT_FORMS):
        parse_xml(f"<a{number}/>".encode())
    assert form_of.cache_info().currsize == KEPT_FORMS


ODD = (
    "", "x", " 鲁B12345\r\n", "&amp;", "&x;", ">", "]]>", "<", "<!-- no -->", "<![CDATA[ <b>]]>", "<?p i?>",
    "\0", "\x0b",
    "\u3000", "\ufffe", "\r", "\x85", "<c y='>'>z</c>", "<c y='<'/>", "</a>", "<a>", "/a", "a", "<d\te = '1\n2' />",
)  # fmt: skip
"""What may stand between two tags of a message, and what may not."""


@given(
    texts=st.lists(st.sampled_from(ODD), min_size=5, max_size=5), head=st.sampled_from(["", "<?xml version='1.0'?>"])
)
@example(texts=["", "", "x>/b<y>b<", "", ""], head="")
@example(texts=["\u3000", "x", "x", "x", ""], head="<?xml version='1.0'?>")
@example(texts=["", "", "\0", "", ""], head="")
@example(texts=["", "x", "x\r\ny\rz", "x", ""], head="")
@example(texts=["", "", "", "\x85", ""], head="")
def test_a_message_says_by_its_form_what_its_tree_says_and_is_refused_where_it_has_none(texts: list[str], head: str):
    one, two, three, four, five = texts
    text = f"{head}{one}<x:a xmlns:x='u'>{two}<b>{three}</b>{four}</x:a>{five}"
    try:
        tree = ElementTree.fromstring(decoded(text.encode()).strip("\ufeff \t\r\n\0"))
    except ElementTree.ParseError:
        with pytest.raises(UnreadableMessageError):
            parse_xml(text.encode())
        return
    by_tree = [(each.tag.rpartition("}")[2], own_text(each), dict(each.attrib)) for each in tree.iter()]
    for _ in range(2):
        root = parse_xml(text.encode())
        found = [(each.name, each.text, each.attributes) for each in all_below(root)]
        assert found == by_tree


def own_text(element: ElementTree.Element) -> str:
    return (element.text or "") + "".join(child.tail or "" for child in element)


def all_below(element: Element) -> list[Element]:
    return [element, *(found for child in element.children for found in all_below(child))]
