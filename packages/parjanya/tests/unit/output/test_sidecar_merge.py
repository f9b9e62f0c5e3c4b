"""Sidecars: our verdict joins what is there, and nothing that belongs to somebody else moves."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parjanya.export import sidecar, sidecar_edit
from parjanya.export.record import ImageRecord, Reason
from parjanya.imaging import xmp

RDF = xmp.RDF
HEAD = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
TAIL = "</rdf:RDF></x:xmpmeta>"
SPACES = (
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" xmlns:darktable="http://darktable.sf.net/"'
)


def packet(attributes: str = "", inside: str = "") -> bytes:
    return (
        f'{HEAD}\n <rdf:Description rdf:about="" {SPACES} {attributes}>{inside}\n </rdf:Description>\n{TAIL}'.encode()
    )


def value(content: bytes, namespace: str, name: str) -> str | None:
    """What a reader that knows nothing of our writer finds, as an attribute or as an element."""
    for node in ET.fromstring(content).iter(f"{{{RDF}}}Description"):
        if (found := node.get(f"{{{namespace}}}{name}")) is not None:
            return found
        element = node.find(f"{{{namespace}}}{name}")
        if element is not None:
            return element.text
    return None


def words(content: bytes, namespace: str = sidecar_edit.DC, name: str = "subject") -> list[str | None]:
    root = ET.fromstring(content)
    return [li.text for prop in root.iter(f"{{{namespace}}}{name}") for li in prop.iter(f"{{{RDF}}}li")]


def rating(content: bytes) -> str | None:
    return value(content, sidecar_edit.XMP, "Rating")


def test_a_new_sidecar_says_rating_label_pick_keywords_and_why(record: ImageRecord) -> None:
    content = sidecar.merge(None, record).content
    assert rating(content) == "-1"
    assert value(content, sidecar_edit.XMP, "Label") == "Red"
    assert value(content, sidecar_edit.DIGIKAM, "PickLabel") == "1"
    assert words(content) == ["parjanya", "reject", "blur.severe"]
    hierarchy = words(content, sidecar_edit.LIGHTROOM, "hierarchicalSubject")
    assert hierarchy == ["parjanya|reject", "parjanya|reject|blur.severe"]
    assert value(content, sidecar_edit.OWN, "verdict") == "reject"
    assert words(content, sidecar_edit.OWN, "reasons") == ["blur.severe: Nothing is sharp."]


def test_the_same_verdict_twice_gives_the_same_bytes(record: ImageRecord) -> None:
    once = sidecar.merge(packet('xmp:Label="Blue"'), record).content
    assert sidecar.merge(once, record).content == once


def test_a_new_verdict_replaces_our_values_and_our_keywords_only(record: ImageRecord) -> None:
    inside = "<dc:subject><rdf:Bag><rdf:li>anna &amp; ben</rdf:li></rdf:Bag></dc:subject>"
    rejected = sidecar.merge(packet(inside=inside), record).content
    assert words(rejected) == ["anna & ben", "parjanya", "reject", "blur.severe"]
    kept = sidecar.merge(rejected, replace(record, verdict="keep", rating=4, reasons=(), label=None)).content
    assert words(kept) == ["anna & ben", "parjanya", "keep"]
    assert rating(kept) == "4"
    assert value(kept, sidecar_edit.XMP, "Label") is None


def test_a_rating_set_by_a_human_stays_and_ours_is_noted_beside_it(record: ImageRecord) -> None:
    merged = sidecar.merge(packet('xmp:Rating="5"'), record)
    assert rating(merged.content) == "5"
    assert value(merged.content, sidecar_edit.OWN, "rating") == "-1"
    assert "rating" in merged.kept


def test_a_rating_that_a_human_changed_after_us_stays_for_good(record: ImageRecord) -> None:
    ours = sidecar.merge(None, record).content
    theirs = ours.replace(b"<xmp:Rating>-1<", b"<xmp:Rating>3<")
    assert theirs != ours
    again = sidecar.merge(theirs, replace(record, rating=2)).content
    assert rating(again) == "3"
    assert rating(sidecar.merge(again, replace(record, rating=1)).content) == "3"


def test_a_rating_that_a_human_took_away_does_not_come_back(record: ImageRecord) -> None:
    ours = sidecar.merge(None, record).content
    theirs = re.sub(rb"\s*<xmp:Rating>-1</xmp:Rating>", b"", ours)
    assert theirs != ours
    again = sidecar.merge(theirs, record)
    assert rating(again.content) is None
    assert sidecar.merge(again.content, replace(record, rating=2)).kept == ("rating",)


def test_rating_zero_means_unrated_and_is_ours_to_fill(record: ImageRecord) -> None:
    content = sidecar.merge(packet('xmp:Rating="0"'), record).content
    assert rating(content) == "-1"
    assert content.count(b"Rating=") == 0


def test_what_others_wrote_keeps_its_very_bytes(record: ImageRecord) -> None:
    entry = "<rdf:li darktable:num='0'  darktable:params=\"gz1&#10;0\"/>"
    history = f"<darktable:history><rdf:Seq>{entry}</rdf:Seq></darktable:history>"
    before = packet("crs:Exposure2012=\"+0.35\"   crs:Tone='a>b'", history + "<!-- mine -->")
    after = sidecar.merge(before, record).content
    at = before.rindex(b"\n</rdf:RDF>")
    assert after.startswith(before[:at])
    assert after.endswith(before[at:])


def test_a_file_with_windows_line_ends_keeps_them(record: ImageRecord) -> None:
    content = sidecar.merge(packet().replace(b"\n", b"\r\n"), record).content
    assert content.count(b"\n") == content.count(b"\r\n")


def test_an_empty_rdf_is_filled(record: ImageRecord) -> None:
    content = sidecar.merge(f'<r:RDF xmlns:r="{RDF}"/>'.encode(), record).content
    assert rating(content) == "-1"
    assert sidecar.merge(content, record).content == content


def test_text_that_xml_cannot_hold_is_replaced(record: ImageRecord) -> None:
    odd = replace(record, reasons=(Reason("a|b<c", 'nul \x00, half \udcff, <tag> & "quote"', {}),))
    content = sidecar.merge(None, odd).content
    assert words(content)[-1] == "a/b<c"
    assert words(content, sidecar_edit.OWN, "reasons") == ['a|b<c: nul \ufffd, half \\xff, <tag> & "quote"']


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "sidecar_doctype"),
        (packet().decode().encode("utf-16"), "sidecar_not_utf8"),
        (b'<?xml version="1.0" encoding="latin-1"?>' + packet(), "sidecar_not_utf8"),
        (packet()[:-9], "sidecar_broken"),
        (b"", "sidecar_broken"),
        (packet(inside="&undefined;"), "sidecar_broken"),
        (b"<html/>", "sidecar_not_xmp"),
        (b"<a>" + packet() + packet() + b"</a>", "sidecar_not_xmp"),
        (b"<a>" * 300 + b"</a>" * 300, "sidecar_too_deep"),
        (b" " * (xmp.MAX_BYTES + 1), "sidecar_too_large"),
    ],
)
def test_hostile_or_broken_xml_is_refused_with_its_code(record: ImageRecord, content: bytes, code: str) -> None:
    with pytest.raises(xmp.XmpRefused) as refusal:
        sidecar.merge(content, record)
    assert refusal.value.code == code


def test_an_image_without_a_verdict_gets_no_sidecar(record: ImageRecord) -> None:
    with pytest.raises(xmp.XmpRefused, match="no verdict"):
        sidecar.merge(None, replace(record, verdict=None))


TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cn")), min_size=1, max_size=12
)
NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,7}", fullmatch=True)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """Sidecars of other programs: attributes, elements, lists and structures in any number of nodes."""
    nodes = []
    about = draw(st.sampled_from(["", "uuid:1 &amp; 2"]))
    for space in range(draw(st.integers(0, 3))):
        names = draw(st.lists(NAME, unique=True, max_size=5))
        attributes, inside = [f'rdf:about="{about}"', f'xmlns:f="urn:foreign:{space}/"', SPACES], []
        for name in names:
            text = escaped(draw(TEXT))
            match draw(st.sampled_from(["attribute", "element", "empty", "list", "structure"])):
                case "attribute":
                    attributes.append(f'f:{name}="{text}"')
                case "element":
                    inside.append(f"<f:{name}>{text}</f:{name}>")
                case "empty":
                    inside.append(f"<f:{name}/>")
                case "list":
                    inside.append(f"<f:{name}><rdf:Seq><rdf:li>{text}</rdf:li><rdf:li/></rdf:Seq></f:{name}>")
                case _:
                    inside.append(f'<f:{name} rdf:parseType="Resource"><f:a><rdf:Bag/></f:a>{text}</f:{name}>')
        if space == 0:
            subjects = "".join(f"<rdf:li>{escaped(t)}</rdf:li>" for t in draw(st.lists(TEXT, max_size=3)))
            bag = f"<dc:subject><rdf:Bag>{subjects}<rdf:li/></rdf:Bag></dc:subject>"
            inside.append(
                draw(st.sampled_from(["", "<dc:subject/>", "<dc:subject><rdf:Bag/></dc:subject>", *[bag] * 3]))
            )
            attributes.append(draw(st.sampled_from(["", 'xmp:Rating="3"', 'xmp:Label="Blue"'])))
        gap = draw(st.sampled_from(["", "\n  ", "<!-- x -->"]))
        body = gap.join(inside)
        end = f">{body}</rdf:Description>" if body else "/>"
        nodes.append(f"<rdf:Description {' '.join(attributes)}{end}")
    return f"{HEAD}{draw(st.sampled_from(['', ' ']))}{''.join(nodes)}{TAIL}".encode()


def foreign(content: bytes) -> list[tuple[str, str]]:
    """Every property outside the namespaces we write to, by an independent reader."""
    found = []
    for node in ET.fromstring(content).iter(f"{{{RDF}}}Description"):
        found += [(name, text) for name, text in node.attrib.items() if name.startswith("{urn:foreign")]
        found += [
            (el.tag, ET.tostring(el, encoding="unicode").strip()) for el in node if el.tag.startswith("{urn:foreign")
        ]
    return found


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(before=packets(), verdicts=st.lists(st.sampled_from(["keep", "review", "reject"]), min_size=1, max_size=3))
def test_every_foreign_property_survives_every_merge(record: ImageRecord, before: bytes, verdicts: list[str]) -> None:
    content = before
    for verdict in verdicts:
        wanted = replace(record, verdict=verdict, rating={"keep": 4, "review": 2, "reject": -1}[verdict])
        content = sidecar.merge(content, wanted).content
        assert sidecar.merge(content, wanted).content == content
    assert foreign(content) == foreign(before)
    theirs = dict.fromkeys(words(before))
    assert set(theirs) <= set(words(content))
    assert set(words(content)) - set(theirs) <= {"parjanya", verdicts[-1], "blur.severe"}
    if b'xmp:Rating="3"' in before:
        assert rating(content) == "3"
    abouts = {node.get(f"{{{RDF}}}about") for node in ET.fromstring(content).iter(f"{{{RDF}}}Description")}
    assert len(abouts) == 1
