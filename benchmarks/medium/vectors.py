# ruff: noqa: E501, ARG001 -- markup reads better in one piece; every maker has the same signature
"""Non-photographs as SVG: charts, diagrams, infographics, logos and flat illustrations, for headless Chromium to
render.

Caller: ``render``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from benchmarks.medium.pages import PALETTES, Page, Rng, document, pick, words


def _svg(rng: Rng, kind: str, width: int, height: int, marks: str, background: str = "#fff") -> Page:
    return Page(
        kind,
        width,
        height,
        document(rng, f"<svg width={width} height={height} viewBox='0 0 {width} {height}'>{marks}</svg>", background),
    )


def _text(rng: Rng, x: float, y: float, size: float, text: str, fill: str = "#222", anchor: str = "start") -> str:
    return f"<text x={x:.0f} y={y:.0f} font-size={size:.0f} fill='{fill}' text-anchor='{anchor}'>{text}</text>"


def chart(rng: Rng, photos: Sequence[str]) -> Page:
    width, height = int(rng.integers(600, 1200)), int(rng.integers(420, 900))
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    dark = rng.random() < 0.2
    ink, paper = ("#ddd", "#1b1e24") if dark else ("#222", pick(rng, ("#fff", "#fff", "#e5ecf6", "#f7f7f7", "#fffbe8")))
    left, right, top, bottom = width * 0.1, width * 0.95, height * 0.12, height * 0.88
    marks = _text(rng, width / 2, top * 0.6, height * 0.045, words(rng, 2, 6), ink, "middle")
    for k in range(int(rng.integers(4, 9))):
        y = bottom - k * (bottom - top) / 8
        marks += f"<line x1={left} x2={right} y1={y} y2={y} stroke='{ink}' stroke-opacity=.2 />" + _text(
            rng, left - 6, y + 5, 14, str(k * 10), ink, "end"
        )
    style = int(rng.integers(5))
    n = int(rng.integers(4, 16))
    xs = [left + (right - left) * (k + 0.5) / n for k in range(n)]
    if style == 0:
        for x in xs:
            h = float(rng.uniform(0.1, 1)) * (bottom - top)
            marks += f"<rect x={x - (right - left) / n * 0.36} y={bottom - h} width={(right - left) / n * 0.72} height={h} fill='{pick(rng, palette)}' />"
    elif style == 1:
        for _ in range(int(rng.integers(1, 7))):
            steps = int(rng.integers(8, 220))
            walk = rng.normal(0, 1, steps).cumsum()
            walk = (walk - walk.min()) / (walk.max() - walk.min() + 1e-9)
            points = " ".join(
                f"{left + (right - left) * i / (steps - 1):.1f},{bottom - (bottom - top) * v:.1f}"
                for i, v in enumerate(walk)
            )
            marks += f"<polyline points='{points}' fill={pick(rng, ('none', 'none', palette[2]))} stroke='{pick(rng, palette)}' stroke-width={rng.uniform(1, 4):.1f} />"
    elif style == 2:
        for _ in range(int(rng.integers(40, 500))):
            marks += f"<circle cx={rng.normal((left + right) / 2, width * 0.15):.0f} cy={rng.normal((top + bottom) / 2, height * 0.15):.0f} r={rng.uniform(2, 8):.0f} fill='{pick(rng, palette)}' fill-opacity=.7 />"
    elif style == 3:
        r, angle = min(width, height) * 0.32, 0.0
        marks = _text(rng, width / 2, top * 0.6, height * 0.045, words(rng, 2, 6), ink, "middle")
        shares = rng.dirichlet([2] * int(rng.integers(3, 8))) * 2 * 3.14159 * r / 2
        for share in shares:
            marks += f"<circle r={r / 2} cx={width / 2} cy={height / 2} fill=none stroke='{pick(rng, palette)}' stroke-width={r} stroke-dasharray='{share} 9999' stroke-dashoffset={-angle} />"
            angle += float(share)
    else:
        for i in range(n):
            for j in range(8):
                marks += f"<rect x={left + i * (right - left) / n} y={top + j * (bottom - top) / 8} width={(right - left) / n + 1} height={(bottom - top) / 8 + 1} fill='hsl({rng.uniform(0, 240):.0f},70%,55%)' />"
    marks += f"<path d='M{left} {top}V{bottom}H{right}' fill=none stroke='{ink}' />"
    return _svg(rng, "chart", width, height, marks, paper)


def diagram(rng: Rng, photos: Sequence[str]) -> Page:
    width, height = int(rng.integers(600, 1200)), int(rng.integers(450, 950))
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    plain = rng.random() < 0.4
    at = [
        (float(rng.uniform(0.12, 0.88)) * width, float(rng.uniform(0.1, 0.9)) * height)
        for _ in range(int(rng.integers(4, 16)))
    ]
    marks = "<defs><marker id=a orient=auto markerWidth=9 markerHeight=9 refX=8 refY=4><path d='M0 0L9 4L0 8z'/></marker></defs>"
    for (x, y), (u, v) in pairwise(at):
        route = f"M{x} {y}L{u} {v}" if rng.random() < 0.5 else f"M{x} {y}H{u}V{v}"
        marks += f"<path d='{route}' fill=none stroke='#333' stroke-width={rng.uniform(1, 4):.1f} marker-end='url(#a)' stroke-dasharray='{pick(rng, ('none', '7 5'))}' />"
    for x, y in at:
        w, h = float(rng.uniform(70, 190)), float(rng.uniform(34, 90))
        fill = "#fff" if plain else pick(rng, palette)
        shape = (
            f"<rect x={x - w / 2} y={y - h / 2} width={w} height={h} rx={rng.uniform(0, 18):.0f}"
            if rng.random() < 0.7
            else f"<ellipse cx={x} cy={y} rx={w / 2} ry={h / 2}"
        )
        marks += f"{shape} fill='{fill}' stroke='#222' stroke-width={rng.uniform(1, 3):.1f} />" + _text(
            rng,
            x,
            y + 6,
            float(rng.uniform(12, 20)),
            words(rng, 1, 2),
            "#111" if plain or fill > "#8" else "#fff",
            "middle",
        )
    return _svg(rng, "diagram", width, height, marks, pick(rng, ("#fff", "#fff", "#fdf6e3", "#f2f4f8")))


def infographic(rng: Rng, photos: Sequence[str]) -> Page:
    width, height = int(rng.integers(640, 1000)), int(rng.integers(800, 1600))
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    ink = "#fff" if palette[0] < "#8" else "#222"
    marks = f"<rect width={width} height={height * 0.13} fill='{palette[0]}' />" + _text(
        rng, width * 0.06, height * 0.08, width * 0.07, words(rng, 2, 4), ink
    )
    y = height * 0.19
    while y < height * 0.95:
        colour = pick(rng, palette[1:])
        if rng.random() < 0.35:
            marks += f"<rect y={y - 40} width={width} height={150} fill='{colour}' fill-opacity=.35 />"
        marks += f"<circle cx={width * 0.14} cy={y + 28} r={rng.uniform(26, 60):.0f} fill='{colour}' />" + _text(
            rng, width * 0.14, y + 38, 30, str(int(rng.integers(2, 99))), "#fff", "middle"
        )
        for line in range(int(rng.integers(2, 6))):
            marks += _text(rng, width * 0.28, y + line * 24, float(rng.uniform(15, 21)), words(rng, 4, 9))
        y += float(rng.uniform(130, 190))
    for k in range(5):
        marks += f"<rect x={width * 0.8 + k * 28} y={height * 0.5 - 40 - k * 20} width=20 height={40 + k * 20} fill='{pick(rng, palette)}' />"
    return _svg(
        rng,
        "infographic",
        width,
        height,
        marks,
        pick(rng, ("#fff", "#fffaf0", "#eef6f9", f"linear-gradient({palette[2]},{palette[0]})")),
    )


def logo(rng: Rng, photos: Sequence[str]) -> Page:
    size = int(rng.integers(300, 900))
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    c = size / 2
    marks = f"<defs><linearGradient id=g><stop stop-color='{palette[0]}'/><stop offset=1 stop-color='{palette[3]}'/></linearGradient></defs>"
    for k in range(int(rng.integers(1, 5))):
        r = c * float(rng.uniform(0.2, 0.75)) * (1 - k * 0.15)
        fill = "url(#g)" if rng.random() < 0.3 else pick(rng, palette)
        points = " ".join(
            f"{c + r * x:.0f},{c * 0.85 + r * y:.0f}" for x, y in rng.uniform(-1, 1, (int(rng.integers(3, 8)), 2))
        )
        marks += (
            f"<circle cx={c} cy={c * 0.85} r={r} fill='{fill}' stroke='#111' stroke-width={rng.uniform(0, 9):.0f} />"
            if rng.random() < 0.6
            else f"<polygon points='{points}' fill='{fill}' />"
        )
    marks += (
        ""
        if rng.random() < 0.3
        else _text(rng, c, size * 0.93, size * 0.1, words(rng, 1, 1), pick(rng, (palette[0], "#111")), "middle")
    )
    return _svg(rng, "logo", size, size, marks, pick(rng, ("#fff", "#fff", "#000", palette[-1])))


def illustration(rng: Rng, photos: Sequence[str]) -> Page:
    width, height = int(rng.integers(600, 1300)), int(rng.integers(500, 1000))
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    return (_landscape, _figures, _clip_art, _soft_blobs)[int(rng.integers(4))](rng, width, height, palette)


def _landscape(rng: Rng, width: int, height: int, palette: tuple[str, ...]) -> Page:
    marks = f"<circle cx={rng.uniform(0, width):.0f} cy={height * 0.25} r={rng.uniform(30, 110):.0f} fill='#ffe9a8' />"
    for k in range(int(rng.integers(3, 8))):
        base = height * (0.4 + 0.09 * k)
        points = " ".join(
            f"{x},{base + rng.uniform(-70, 60):.0f}" for x in range(0, width + 90, int(rng.integers(30, 140)))
        )
        marks += f"<polygon points='0,{height} {points} {width + 90},{height}' fill='{pick(rng, palette)}' />"
    return _svg(rng, "illustration", width, height, marks, f"linear-gradient({palette[0]},{palette[3]})")


def _figures(rng: Rng, width: int, height: int, palette: tuple[str, ...]) -> Page:
    marks, outline = "", f"stroke='#111' stroke-width={rng.uniform(2, 9):.0f}" if rng.random() < 0.7 else ""
    for _ in range(int(rng.integers(1, 5))):
        x, y, s = (
            float(rng.uniform(0.2, 0.8)) * width,
            float(rng.uniform(0.3, 0.7)) * height,
            float(rng.uniform(50, 170)),
        )
        marks += f"<ellipse cx={x} cy={y + s} rx={s * 0.8} ry={s} fill='{pick(rng, palette)}' {outline} /><circle cx={x} cy={y - s * 0.3} r={s * 0.6} fill='{pick(rng, ('#f1c27d', '#ffdbac', '#8d5524', *palette))}' {outline} />"
        for side in (-1, 1):
            marks += f"<circle cx={x + side * s * 0.22} cy={y - s * 0.35} r={s * 0.12} fill='#fff' {outline} /><circle cx={x + side * s * 0.22} cy={y - s * 0.33} r={s * 0.05} />"
        marks += (
            f"<path d='M{x - s * 0.2} {y}q{s * 0.2} {s * 0.15} {s * 0.4} 0' fill=none stroke='#111' stroke-width=4 />"
        )
    return _svg(rng, "illustration", width, height, marks, pick(rng, ("#fff", *palette)))


def _clip_art(rng: Rng, width: int, height: int, palette: tuple[str, ...]) -> Page:
    marks = ""
    for _ in range(int(rng.integers(6, 40))):
        x, y, s = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(20, 110)
        curve = " ".join(f"{x + dx * s:.0f} {y + dy * s:.0f}" for dx, dy in rng.uniform(-1, 1, (6, 2)))
        marks += f"<path d='M{x:.0f} {y:.0f}C{curve}z' fill='{pick(rng, palette)}' stroke='{pick(rng, ('#111', 'none'))}' stroke-width=3 />"
    return _svg(rng, "illustration", width, height, marks, pick(rng, ("#fff", "#fff", palette[0])))


def _soft_blobs(rng: Rng, width: int, height: int, palette: tuple[str, ...]) -> Page:
    grain = rng.uniform(0, 0.35) if rng.random() < 0.6 else 0
    marks = f"<filter id=b><feGaussianBlur stdDeviation={rng.uniform(6, 40):.0f} /></filter><filter id=n><feTurbulence type=fractalNoise baseFrequency={rng.uniform(0.4, 1):.2f} numOctaves=2 /><feColorMatrix values='0 0 0 0 .5 0 0 0 0 .5 0 0 0 0 .5 0 0 0 {grain:.2f} 0'/></filter>"
    for _ in range(60):
        marks += f"<ellipse filter='url(#b)' cx={rng.uniform(0, width):.0f} cy={rng.uniform(0, height):.0f} rx={rng.uniform(20, 220):.0f} ry={rng.uniform(20, 160):.0f} fill='{pick(rng, palette)}' />"
    return _svg(
        rng,
        "illustration",
        width,
        height,
        marks + f"<rect width={width} height={height} filter='url(#n)' />",
        palette[0],
    )


MAKERS: dict[str, Callable[[Rng, Sequence[str]], Page]] = {
    "chart": chart, "diagram": diagram, "infographic": infographic, "logo": logo, "illustration": illustration,
}  # fmt: skip
