"""What a worker holds is written down whole, however much it is: a stage that compares items holds ten thousand."""

from __future__ import annotations

import base64
import hashlib

from packages.tbie.tests.unit.sqs.ground import Ground
from tbie.backends.aws import handed
from tbie.backends.aws.copies import Copy
from tbie.backends.aws.hands import pack, unpack
from tbie.backends.aws.register import Register
from tbie.backends.aws.sorting import Held
from tbie.testing.builders import envelope

MOST_BYTES = 400_000
"""Of a row of DynamoDB."""


def handle(number: int) -> str:
    digests = (hashlib.sha512(f"{number}.{part}".encode()).digest() for part in range(5))
    return base64.b64encode(b"".join(digests)).decode()[:412]


def hold(count: int) -> list[Held]:
    """Messages with handles as long, and as far from compressible, as those of SQS."""
    return [
        Held(
            Copy(envelope(f"i{n}"), 1, 1, 0, 0, 0, 0),
            f"mid{n}",
            handle(n),
            1,
            1_000,
            2_000,
        )
        for n in range(count)
    ]


def test_ten_thousand_messages_fit_into_rows() -> None:
    packed = [pack(each) for each in hold(10_000)]
    rows = handed.rows("w1", packed, 1)
    assert len(rows) == 20
    assert max(len(row["held"]["B"]) for row in rows) < MOST_BYTES * 0.75
    assert len({row["sk"]["S"] for row in rows}) == 20
    assert [each for row in rows for each in handed.read(row)] == [[*each] for each in packed]


def test_a_hand_of_many_rows_comes_back_whole_and_leaves_none_behind_when_it_shrinks(ground: Ground) -> None:
    register, held = Register(ground.clients, 1_000_000), hold(1_200)
    other = hold(3)
    assert register.save_hand("w1", [pack(each) for each in held], 2_000, before=1) == 3
    assert register.save_hand("w2", [pack(each) for each in other], 2_000, before=1) == 1
    assert {found.mid for found in map(unpack, register.hand("w1")) if found} == {each.mid for each in held}
    assert [unpack(packed) for packed in register.hand("w2")] == other
    assert register.save_hand("w1", [pack(held[0])], 2_000, before=3) == 1
    assert [unpack(packed) for packed in register.hand("w1")] == [held[0]]
    assert register.save_hand("w1", [], 2_000, before=1) == 0
    assert register.hand("w1") == []
    assert len(list(register.hands())) == 3, "what others hold stays"


def test_a_row_that_nobody_here_wrote_holds_nothing() -> None:
    (row,) = handed.rows("w1", [["a"]], 1)
    assert list(handed.read(row, "w1")) == [["a"]]
    assert list(handed.read(row, "w2")) == []
    for spoiled in ({}, {"held": {"B": b"no"}}, {"held": {"S": "x"}}, {"held": {"B": row["held"]["B"][:9]}}):
        assert list(handed.read(spoiled)) == []
