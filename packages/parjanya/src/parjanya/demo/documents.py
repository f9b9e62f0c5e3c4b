"""What is in every photographer's folder and is no photograph: a screenshot, a slide, a chart."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK = (31, 35, 41)
MUTED = (120, 128, 138)
ACCENT = (38, 99, 175)


def screenshot(rng: np.random.Generator) -> Image.Image:
    """A mail window: bars, rows of text, a button."""
    image = Image.new("RGB", (1440, 900), (246, 247, 249))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1440, 52), fill=(228, 231, 236))
    for index, colour in enumerate(((237, 106, 94), (245, 191, 79), (98, 197, 84))):
        draw.ellipse((18 + index * 26, 18, 34 + index * 26, 34), fill=colour)
    draw.text((640, 15), "Inbox - 4 unread", fill=INK, font=_font(18))
    draw.rectangle((0, 52, 260, 900), fill=(236, 239, 243))
    for index, name in enumerate(("Inbox", "Drafts", "Sent", "Clients", "Invoices", "Archive")):
        if index == 0:
            draw.rounded_rectangle((12, 76, 248, 110), 8, fill=(207, 221, 240))
        draw.text((28, 83 + index * 44), name, fill=INK, font=_font(17))
    subjects = (
        "Selection for Saturday",
        "Re: proofs by Friday?",
        "Invoice 2026-041",
        "Album layout, second draft",
        "Location permit",
    )
    for row in range(11):
        top = 70 + row * 74
        draw.line((260, top + 66, 1440, top + 66), fill=(221, 225, 230))
        draw.text((290, top + 6), subjects[int(rng.integers(len(subjects)))], fill=INK, font=_font(19))
        draw.text(
            (290, top + 34),
            "Thank you for the quick answer, here is what we still need from you ...",
            fill=MUTED,
            font=_font(15),
        )
        draw.text((1350, top + 8), f"{9 + row % 9:02d}:{int(rng.integers(60)):02d}", fill=MUTED, font=_font(15))
    draw.rounded_rectangle((28, 830, 180, 870), 8, fill=ACCENT)
    draw.text((62, 839), "New mail", fill=(255, 255, 255), font=_font(18))
    return image


def slide() -> Image.Image:
    """A title, four points, a coloured band."""
    image = Image.new("RGB", (1600, 900), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1600, 170), fill=(24, 54, 96))
    draw.text((90, 52), "How we plan a wedding day", fill=(255, 255, 255), font=_font(60))
    points = (
        "Two bodies, two cards each",
        "A list of groups, agreed on before",
        "Light: where is the sun at four o'clock?",
        "Back up before the drive home",
    )
    for index, text in enumerate(points):
        top = 260 + index * 130
        draw.ellipse((100, top + 14, 124, top + 38), fill=ACCENT)
        draw.text((160, top), text, fill=INK, font=_font(42))
    draw.text((1500, 850), "7", fill=MUTED, font=_font(24))
    return image


def chart(rng: np.random.Generator) -> Image.Image:
    """Bars, axes, a title."""
    image = Image.new("RGB", (1400, 900), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.text((120, 50), "Images delivered per month", fill=INK, font=_font(36))
    for line in range(6):
        level = 780 - line * 120
        draw.line((120, level, 1320, level), fill=(226, 229, 233), width=2)
        draw.text((50, level - 12), f"{line * 400}", fill=MUTED, font=_font(22))
    for month, name in enumerate("JFMAMJJASOND"):
        height = int(120 + 420 * np.sin((month + 0.5) / 12 * np.pi) + rng.integers(0, 60))
        left = 150 + month * 97
        draw.rectangle((left, 780 - height, left + 62, 780), fill=ACCENT if month != 6 else (214, 120, 40))
        draw.text((left + 22, 796), name, fill=MUTED, font=_font(24))
    draw.line((120, 780, 1320, 780), fill=INK, width=3)
    return image


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
