# ruff: noqa: E501, ARG001 -- markup reads better in one piece; every maker has the same signature
"""Non-photographs as HTML: what people save beside their photographs, in many layouts, for headless Chromium to render.

Caller: ``render``. Every maker takes a seeded generator and a list of photographs (data URLs, may be used as content)
and returns one page. Layout, palette, type, density and proportions vary; nothing here is taken from the images that
the engine is checked on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Rng = np.random.Generator

FONTS = (
    "DejaVu Sans",
    "Liberation Sans",
    "DejaVu Serif",
    "Liberation Serif",
    "DejaVu Sans Mono",
    "Liberation Sans Narrow",
)
PALETTES = (
    ("#14213d", "#fca311", "#e5e5e5", "#ffffff", "#000000"),
    ("#264653", "#2a9d8f", "#e9c46a", "#f4a261", "#e76f51"),
    ("#fffcf2", "#ccc5b9", "#403d39", "#252422", "#eb5e28"),
    ("#03045e", "#0077b6", "#00b4d8", "#90e0ef", "#caf0f8"),
    ("#d8f3dc", "#95d5b2", "#52b788", "#2d6a4f", "#081c15"),
    ("#ffcdb2", "#ffb4a2", "#e5989b", "#b5838d", "#6d6875"),
    ("#ffffff", "#222222", "#d62828", "#f77f00", "#fcbf49"),
    ("#f8f9fa", "#dee2e6", "#adb5bd", "#495057", "#212529"),
    ("#7400b8", "#5e60ce", "#48bfe3", "#64dfdf", "#80ffdb"),
)
WORDS = [
    "light",
    "shutter",
    "harbour",
    "morning",
    "ceremony",
    "album",
    "studio",
    "lens",
    "garden",
    "river",
    "market",
    "festival",
    "winter",
    "portrait",
    "travel",
    "mountain",
    "rain",
    "family",
    "summer",
    "coast",
    "evening",
    "series",
    "edition",
    "annual",
    "report",
    "growth",
    "share",
    "revenue",
    "region",
    "customer",
    "quarter",
    "plan",
    "team",
    "data",
    "model",
    "network",
    "service",
    "queue",
    "client",
    "server",
    "upload",
    "process",
    "review",
    "approve",
    "publish",
    "archive",
    "version",
    "figure",
    "table",
]


class Page(NamedTuple):
    """One page: its medium, the viewport, the HTML, and the indices of the photographs it shows."""

    kind: str
    width: int
    height: int
    html: str
    photos: tuple[int, ...] = ()


def words(rng: Rng, low: int, high: int) -> str:
    return " ".join(str(w) for w in rng.choice(WORDS, int(rng.integers(low, high + 1)))).capitalize()


def pick(rng: Rng, options: Sequence[str]) -> str:
    return str(options[int(rng.integers(len(options)))])


def document(rng: Rng, body: str, background: str = "#fff", extra: str = "") -> str:
    return (
        f"<!doctype html><meta charset=utf8><style>*{{box-sizing:border-box;margin:0}}html,body{{width:100%;height:100%;"
        f"overflow:hidden;background:{background};font-family:'{pick(rng, FONTS)}'}}{extra}</style><body>{body}"
    )


def screenshot(rng: Rng, photos: Sequence[str]) -> Page:
    return (_editor, _table, _web_page, _phone, _viewer, _dialogues)[int(rng.integers(6))](rng, photos)


def _editor(rng: Rng, photos: Sequence[str]) -> Page:
    dark = rng.random() < 0.6
    colours = (
        ("#c586c0", "#ce9178", "#6a9955", "#dcdcaa", "#9cdcfe") if dark else ("#0000ff", "#a31515", "#008000", "#333")
    )
    lines = "".join(
        f"<div style='color:{pick(rng, colours)};padding-left:{int(rng.integers(0, 4)) * 28}px'>{words(rng, 1, 9)}</div>"
        for _ in range(45)
    )
    bar = f"<div style='background:{'#333' if dark else '#ddd'};height:34px;color:#888;padding:6px'>{words(rng, 3, 6)}</div>"
    body = f"{bar}<div style='font:{int(rng.integers(12, 22))}px/1.5 DejaVu Sans Mono;padding:14px'>{lines}</div>"
    return Page("screenshot", *_screen(rng), document(rng, body, "#1e1e1e" if dark else "#fff"))


def _table(rng: Rng, photos: Sequence[str]) -> Page:
    columns = int(rng.integers(4, 11))
    rows = "".join(
        f"<tr style='background:{'#f4f6f8' if r % 2 else '#fff'}'>"
        + "".join(
            f"<td style='border:1px solid #d5d9dd;padding:5px 9px'>{int(rng.integers(1, 99999))}</td>"
            for _ in range(columns)
        )
        + "</tr>"
        for r in range(40)
    )
    side = f"<div style='width:190px;background:#f0f0f3;padding:12px'>{''.join(f'<p style=padding:7px>{words(rng, 1, 2)}' for _ in range(12))}</div>"
    body = f"<div style='display:flex;height:100%;font-size:{int(rng.integers(12, 19))}px'>{side}<table style='border-collapse:collapse'>{rows}</table></div>"
    return Page("screenshot", *_screen(rng), document(rng, body))


def _web_page(rng: Rng, photos: Sequence[str]) -> Page:
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    used = tuple(int(i) for i in rng.choice(len(photos), 6, replace=False))
    cards = "".join(
        f"<div style='width:{int(rng.integers(210, 330))}px;border:1px solid #ddd;margin:9px;border-radius:{int(rng.integers(0, 12))}px;overflow:hidden'>"
        f"<img src='{photos[i]}' style='width:100%;height:{int(rng.integers(120, 240))}px;object-fit:cover'><div style='padding:9px'><b>{words(rng, 2, 5)}</b>"
        f"<p style='color:#666;font-size:13px'>{words(rng, 8, 20)}</div></div>"
        for i in used
    )
    body = f"<div style='background:{palette[0]};color:#fff;padding:17px'>{words(rng, 3, 5)}</div><div style='display:flex;flex-wrap:wrap'>{cards}</div>"
    return Page("screenshot", *_screen(rng), document(rng, body), used)


def _phone(rng: Rng, photos: Sequence[str]) -> Page:
    i = int(rng.integers(len(photos)))
    accent = pick(rng, PALETTES[int(rng.integers(len(PALETTES)))])
    bubbles = "".join(
        f"<div style='max-width:72%;margin:11px {'11px 11px auto' if rng.random() < 0.5 else 'auto 11px 11px'};background:{pick(rng, ('#fff', '#dcf8c6', '#e4e6eb'))};"
        f"padding:11px;border-radius:15px;font-size:19px;width:fit-content'>{words(rng, 2, 14)}</div>"
        for _ in range(12)
    )
    feed = f"<img src='{photos[i]}' style='width:100%;height:{int(rng.integers(45, 70))}%;object-fit:cover'><div style='padding:15px;font-size:21px'><b>{words(rng, 2, 3)}</b> {words(rng, 9, 30)}</div>"
    is_feed = rng.random() < 0.6
    body = f"<div style='background:{accent};height:62px;padding:18px;color:#fff'>9:41 &nbsp; {words(rng, 1, 2)}</div>{feed if is_feed else bubbles}"
    return Page(
        "screenshot",
        720,
        int(rng.integers(1280, 1560)),
        document(rng, body, pick(rng, ("#fff", "#ece5dd", "#f0f2f5"))),
        (i,) if is_feed else (),
    )


def _viewer(rng: Rng, photos: Sequence[str]) -> Page:
    i = int(rng.integers(len(photos)))
    chrome, ink = (("#222", "#ccc"), ("#f0f0f0", "#222"), ("#2d2d30", "#eee"))[int(rng.integers(3))]
    bar = f"background:{chrome};color:{ink};padding:11px;height:{int(rng.integers(36, 62))}px;font-size:15px"
    body = f"<div style='display:flex;flex-direction:column;height:100%'><div style='{bar}'>{words(rng, 3, 8)}</div><img src='{photos[i]}' style='flex:1;min-height:0;object-fit:{pick(rng, ('contain', 'cover'))}'><div style='{bar}'>100 % · 3 / 248</div></div>"
    return Page("screenshot", *_screen(rng), document(rng, body, chrome), (i,))


def _dialogues(rng: Rng, photos: Sequence[str]) -> Page:
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    windows = "".join(
        f"<div style='position:absolute;left:{int(rng.integers(0, 60))}%;top:{int(rng.integers(0, 55))}%;width:{int(rng.integers(28, 50))}%;border:1px solid #888;border-radius:8px;"
        f"overflow:hidden;background:#f5f5f5;box-shadow:0 9px 28px rgba(0,0,0,.35)'><div style='background:#ddd;padding:8px'>{words(rng, 1, 4)}</div><p style='padding:16px'>{words(rng, 10, 40)}"
        f"<div style='padding:12px;text-align:right'><button style='padding:6px 20px'>{words(rng, 1, 1)}</button></div></div>"
        for _ in range(int(rng.integers(1, 5)))
    )
    return Page(
        "screenshot", *_screen(rng), document(rng, windows, f"linear-gradient(150deg,{palette[0]},{palette[2]})")
    )


def slide(rng: Rng, photos: Sequence[str]) -> Page:
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    dark = rng.random() < 0.4
    background = (
        pick(rng, ("#10182b", palette[-1], "linear-gradient(120deg,#111,#345)"))
        if dark
        else pick(rng, ("#fff", "#fafafa", "linear-gradient(135deg,#f5f7fa,#c3cfe2)"))
    )
    bullets = "".join(f"<li style='margin:.55em 0'>{words(rng, 3, 12)}" for _ in range(int(rng.integers(2, 7))))
    text = f"<div style='flex:1;padding:5%'><h1 style='font-size:{int(rng.integers(36, 66))}px;color:{palette[1]}'>{words(rng, 2, 6)}</h1><ul style='font-size:{int(rng.integers(20, 34))}px;color:{'#eee' if dark else '#222'};margin-top:1em'>{bullets}</ul></div>"
    used: tuple[int, ...] = ()
    if rng.random() < 0.4:
        used = (int(rng.integers(len(photos))),)
        text += f"<img src='{photos[used[0]]}' style='width:{int(rng.integers(30, 55))}%;height:100%;object-fit:cover'>"
    width = int(rng.integers(960, 1400))
    return Page(
        "slide",
        width,
        width * (9 if rng.random() < 0.7 else 12) // 16,
        document(rng, f"<div style='display:flex;height:100%'>{text}</div>", background),
        used,
    )


def social_card(rng: Rng, photos: Sequence[str]) -> Page:
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    used: tuple[int, ...] = (int(rng.integers(len(photos))),)
    shade = pick(
        rng,
        (
            "none",
            "rgba(0,0,0,.35)",
            "linear-gradient(transparent 30%,rgba(0,0,0,.85))",
            "rgba(255,255,255,.3)",
            f"linear-gradient(90deg,{palette[0]} 30%,transparent)",
        ),
    )
    where = pick(
        rng, ("bottom:8%;left:6%;right:6%", "top:30%;left:10%;right:10%;text-align:center", "top:7%;left:6%;right:25%")
    )
    style = pick(
        rng,
        (
            "color:#fff",
            "color:#fff;text-shadow:0 2px 12px #000",
            "color:#ffe066;-webkit-text-stroke:2px #000",
            "color:#fff;background:#000c;padding:4%",
            f"color:{palette[0]};background:#fff;padding:4%",
        ),
    )
    badge = (
        f"<span style='background:{palette[1]};padding:5px 15px;font-size:22px'>{words(rng, 1, 2)}</span>"
        if rng.random() < 0.5
        else ""
    )
    body = (
        f"<div style='position:absolute;inset:0;background:url({photos[used[0]]}) center/cover'></div><div style='position:absolute;inset:0;background:{shade}'></div>"
        f"<div style='position:absolute;{where};{style}'>{badge}<h1 style='font-size:{int(rng.integers(36, 96))}px'>{words(rng, 2, 9)}</h1><p style='font-size:{int(rng.integers(18, 34))}px'>{words(rng, 0, 14)}</div>"
    )
    if rng.random() < 0.25:
        used = ()
        body = f"<div style='position:absolute;inset:0;background:linear-gradient({int(rng.integers(360))}deg,{palette[0]},{palette[3]})'></div><h1 style='position:absolute;{where};{style};font-size:70px'>{words(rng, 3, 12)}</h1>"
    return Page("social_card", 1080, int(rng.choice([565, 1080, 1350, 720])), document(rng, body), used)


def banner(rng: Rng, photos: Sequence[str]) -> Page:
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    used = (int(rng.integers(len(photos))),) if rng.random() < 0.6 else ()
    side = (
        f"<img src='{photos[used[0]]}' style='width:{int(rng.integers(30, 65))}%;height:100%;object-fit:cover'>"
        if used
        else f"<div style='width:35%;background:{palette[3]}'></div>"
    )
    button = f"<div style='background:{palette[2]};display:inline-block;padding:12px 34px;border-radius:{int(rng.integers(0, 40))}px;margin-top:18px;font-size:22px'>{words(rng, 1, 2)}</div>"
    text = f"<div style='flex:1;background:{palette[0]};color:{palette[-1] if palette[0] > '#8' else '#fff'};padding:4%'><h1 style='font-size:{int(rng.integers(34, 74))}px'>{words(rng, 2, 5)}</h1><p style='font-size:24px'>{words(rng, 3, 9)}</p>{button}</div>"
    order = (side, text) if rng.random() < 0.5 else (text, side)
    return Page(
        "banner",
        int(rng.integers(1000, 1500)),
        int(rng.integers(260, 520)),
        document(rng, f"<div style='display:flex;height:100%'>{''.join(order)}</div>"),
        used,
    )


def poster(rng: Rng, photos: Sequence[str]) -> Page:
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    used = tuple(int(i) for i in rng.choice(len(photos), 4, replace=False))
    title = f"font-weight:900;font-size:{int(rng.integers(60, 170))}px;line-height:.95;color:{pick(rng, ('#fff', '#ffe066', '#111', *palette))};text-shadow:{pick(rng, ('none', '0 0 14px #000', '5px 5px 0 #000', '-2px -2px 0 #fff,2px 2px 0 #fff'))};text-align:{pick(rng, ('center', 'left'))}"
    style = int(rng.integers(4))
    if style == 0:  # full-bleed picture, title on it, band below
        look = pick(rng, ("none", "contrast(1.4)", "sepia(.6)", "grayscale(1)", "brightness(.6)", "saturate(2)"))
        body = f"<div style='position:absolute;inset:0;background:url({photos[used[0]]}) center/cover;filter:{look}'></div><h1 style='position:absolute;{pick(rng, ('top:3%', 'bottom:22%', 'bottom:3%'))};left:3%;right:3%;{title}'>{words(rng, 1, 3).upper()}</h1>"
        body += (
            ""
            if rng.random() < 0.4
            else f"<div style='position:absolute;bottom:0;width:100%;background:{palette[1]};padding:26px;text-align:center;font-size:27px'>{words(rng, 4, 12)}</div>"
        )
        used = used[:1]
    elif style == 1:  # collage with gutters and captions
        cells = "".join(f"<div style='background:url({photos[i]}) center/cover'></div>" for i in used)
        body = f"<div style='display:grid;grid-template-columns:1fr 1fr;gap:{int(rng.integers(4, 26))}px;padding:26px;height:76%'>{cells}</div><h1 style='padding:0 26px;{title}'>{words(rng, 1, 2)}</h1>"
    elif style == 2:  # picture in a frame of paper with a title
        body = f"<div style='padding:6%'><img src='{photos[used[0]]}' style='width:100%;height:{int(rng.integers(700, 950))}px;object-fit:cover'><h1 style='margin-top:22px;font-size:{int(rng.integers(40, 90))}px'>{words(rng, 1, 4)}</h1><p style='font-size:23px'>{words(rng, 5, 25)}</div>"
        used = used[:1]
    else:  # typographic
        used = ()
        body = f"<div style='padding:8%;height:100%;background:{palette[0]};color:{'#fff' if palette[0] < '#8' else '#111'}'><h1 style='font-size:{int(rng.integers(90, 190))}px;line-height:.9'>{words(rng, 2, 4).upper()}</h1><p style='font-size:34px;margin-top:40px'>{words(rng, 8, 26)}</div>"
    return Page(
        "poster",
        1000,
        int(rng.choice([1414, 1414, 1000, 1250, 720])),
        document(rng, body, pick(rng, ("#fff", "#f6f1e7", "#111", palette[2]))),
        used,
    )


def mockup(rng: Rng, photos: Sequence[str]) -> Page:
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    used: tuple[int, ...] = (int(rng.integers(len(photos))),)
    screen = f"<div style='height:100%;background:url({photos[used[0]]}) center/cover'><h2 style='padding:15% 8%;color:#fff'>{words(rng, 2, 4)}</h2></div>"
    if rng.random() < 0.5:
        used, screen = (
            (),
            f"<div style='height:100%;background:{palette[3]};padding:9%'><h2>{words(rng, 2, 4)}</h2><p>{words(rng, 20, 50)}</div>",
        )
    wide = rng.random() < 0.5
    frame = f"position:absolute;left:{int(rng.integers(12, 40))}%;top:9%;width:{int(rng.integers(45, 60)) if wide else 30}%;height:{55 if wide else 80}%;border-radius:{16 if wide else 46}px;border:14px solid {pick(rng, ('#111', '#fff', '#ccc'))};overflow:hidden;box-shadow:0 35px 80px rgba(0,0,0,.4);transform:rotate({int(rng.integers(-8, 9)) if rng.random() < 0.4 else 0}deg)"
    return Page(
        "mockup",
        int(rng.integers(1000, 1400)),
        int(rng.integers(700, 1000)),
        document(rng, f"<div style='{frame}'>{screen}</div>", f"linear-gradient(160deg,{palette[0]},{palette[2]})"),
        used,
    )


def _screen(rng: Rng) -> tuple[int, int]:
    return ((1366, 768), (1280, 720), (1440, 900), (1024, 768), (1200, 1400))[int(rng.integers(5))]


MAKERS: dict[str, Callable[[Rng, Sequence[str]], Page]] = {
    "screenshot": screenshot, "slide": slide, "social_card": social_card, "banner": banner, "poster": poster, "mockup": mockup,
}  # fmt: skip
