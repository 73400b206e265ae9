"""One table says how plates are named and coloured, and every place that shows a plate takes it from there."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ocr.grammar import FORMS, STYLES
from ocr.looks import LOOKS, class_name, look_of, plate_table_json, style_of

ROOT = Path(__file__).parents[1]
# A text of each form with each class it can have, and plates whose text says nothing.
FORM_PLATES = [
    ("".join(slot[-1] for slot in form.slots), code)
    for form in FORMS
    for code in dict.fromkeys(form.class_by_style.values())
]
SILENT_PLATES = [
    ("测A3B825", "02"),
    ("测A•••••", "51"),
    ("已删除", "99"),
    ("粤B12345", "07"),
    ("已删除", "07"),
    ("", ""),
]
PLATES = FORM_PLATES + SILENT_PLATES


def test_every_style_that_a_plate_can_have_has_a_look():
    assert set(LOOKS) == set(STYLES) - {"foreign", "not_plate"}


@pytest.mark.parametrize(
    ("text", "plate_class", "style", "name"),
    [
        ("粤B1234应急", "99", "white", "白牌"),
        ("民航A1234", "99", "civil_aviation", "民航绿牌"),
        ("粤B12345", "02", "blue", "蓝牌"),
        ("粤B12345", "01", "yellow", "黄牌"),
        ("粤BD12345", "52", "green", "渐变绿牌"),
        ("粤B12345D", "51", "green_large", "黄绿双拼牌"),
        ("测A•••••", "51", "green_large", "黄绿双拼牌"),
    ],
)
def test_a_plate_looks_as_its_text_and_class_say(text: str, plate_class: str, style: str, name: str):
    assert style_of(text, plate_class) == style
    assert look_of(text, plate_class).name == name


def test_a_class_that_no_read_can_have_is_named_as_other():
    assert (class_name("02"), class_name("77"), class_name("")) == ("小型汽车", "其他", "")


def test_the_pages_draw_every_plate_as_the_table_says(browser: Browser):
    page = browser.new_page()
    page.set_content(f'<script type="application/json" id="plate-table">{plate_table_json()}</script><main></main>')
    page.add_style_tag(path=ROOT / "console/static/plate.css")
    page.add_script_tag(path=ROOT / "console/static/plate.js", type="module")
    page.wait_for_function("customElements.get('kk-plate') !== undefined")
    drawn = page.evaluate(
        """plates => plates.map(([text, code]) => {
          const plate = document.createElement("kk-plate");
          Object.assign(plate.dataset, { class: code, text });
          document.querySelector("main").append(plate);
          const style = plate.style;
          return [plate.dataset.look, style.getPropertyValue("--plate-ground"), getComputedStyle(plate).color];
        })""",
        PLATES,
    )
    page.close()
    assert [(look, ground) for look, ground, _ in drawn] == [
        # An element whose text is empty shows what is in it: nothing.
        (style_of(*plate), look_of(*plate).ground)
        for plate in PLATES
    ]
    inks = {look: ink for look, _, ink in drawn}
    assert inks["civil_aviation"] == "rgb(255, 255, 255)"
    assert inks["white"] == "rgb(18, 23, 18)"


def test_no_second_table_of_plate_classes_stands_anywhere():
    row = re.compile(r"""["'](\d\d)["']\s*:""")
    tables = [
        str(path.relative_to(ROOT))
        for package in ("console", "pipeline", "kakou", "alerts", "riskdb")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".js", ".css", ".html")
        and {"02", "52"} <= set(row.findall(path.read_text(encoding="utf-8")))
    ]
    assert tables == []
