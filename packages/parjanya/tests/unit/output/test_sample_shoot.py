"""The sample shoot holds every case that it promises, and the same seed draws it twice alike."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import IFD, Base

from parjanya.demo import make_shoot
from parjanya.demo.canvas import developed
from parjanya.demo.landscapes import sea
from parjanya.demo.shoot import COUNT


@pytest.fixture(scope="module")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shoot")
    make_shoot(folder)
    return folder


def detail(file: Path, box: tuple[int, int, int, int]) -> float:
    """How much structure there is above the grain: variance of neighbouring differences at half size."""
    with Image.open(file) as image:
        pixels = np.asarray(image.convert("L").crop(box).reduce(4), np.float32)
    return float(np.diff(pixels, axis=1).var())


def mean(file: Path) -> float:
    with Image.open(file) as image:
        return float(np.asarray(image.convert("L").reduce(8)).mean())


@pytest.mark.timeout(120)
def test_it_has_twenty_four_files_in_five_formats(shoot: Path) -> None:
    files = sorted(shoot.iterdir())
    assert len(files) == COUNT
    assert {file.suffix for file in files} == {".jpg", ".png", ".webp", ".tif"}


def test_one_file_is_an_exact_copy(shoot: Path) -> None:
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in shoot.iterdir()]
    assert len(set(digests)) == COUNT - 1


def test_one_frame_of_the_burst_is_the_sharpest(shoot: Path) -> None:
    boat = (1380, 480, 1720, 1040)
    measured = {n: detail(shoot / f"IMG_62{n}.jpg", boat) for n in (10, 11, 12, 13)}
    best = measured.pop(12)
    assert best > 1.3 * max(measured.values())


def test_the_mistakes_are_mistakes(shoot: Path) -> None:
    middle = (800, 500, 1600, 1100)
    assert detail(shoot / "IMG_6302.jpg", middle) < 0.4 * detail(shoot / "IMG_6108.jpg", middle)
    assert mean(shoot / "IMG_6303.jpg") < 25
    assert mean(shoot / "IMG_6304.jpg") > 215


def test_two_files_cannot_be_read(shoot: Path) -> None:
    with Image.open(shoot / "IMG_6305.jpg") as image, pytest.raises(OSError, match="truncated"):
        image.load()
    with pytest.raises(UnidentifiedImageError):
        Image.open(shoot / "IMG_6306.jpg")


def test_the_portrait_lies_on_its_side_and_says_so(shoot: Path) -> None:
    with Image.open(shoot / "IMG_6404.jpg") as image:
        assert image.width > image.height
        assert image.getexif()[Base.Orientation] == 6
        upright = ImageOps.exif_transpose(image)
    assert upright.height > upright.width
    pixels = np.asarray(upright.convert("L").reduce(16), np.float32)
    face, shirt = pixels[60:75, 40:60].mean(), pixels[130:150, 40:60].mean()
    assert face > shirt + 30  # the head is above the shoulders


def test_photographs_carry_a_camera_a_lens_a_time_and_a_place(shoot: Path) -> None:
    with Image.open(shoot / "IMG_6212.jpg") as image:
        exif = image.getexif()
    detail_ = exif.get_ifd(IFD.Exif)
    assert exif[Base.Model] == "Sketchbook 24"
    assert detail_[Base.DateTimeOriginal] == "2026:06:21 05:14:07"
    assert (detail_[Base.OffsetTimeOriginal], detail_[Base.SubsecTimeOriginal]) == ("+02:00", "50")
    assert float(detail_[Base.FNumber]) == 4.0
    assert exif.get_ifd(IFD.GPSInfo)[1] == "N"


def test_the_same_seed_draws_the_same_picture_and_another_seed_another() -> None:
    first, again, other = (developed(rng, sea(rng), 0.01) for rng in map(np.random.default_rng, (3, 3, 4)))
    assert first.tobytes() == again.tobytes() != other.tobytes()


def test_fewer_files_than_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="24"):
        make_shoot(tmp_path, count=3)
