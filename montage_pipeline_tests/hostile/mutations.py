"""What happens to a file: by a seed, so that each can be made again."""

import random
import struct
from collections.abc import Callable

Change = Callable[[bytearray, random.Random], bytearray]

_HEAD = 2048  # bytes in which most formats say what they are


def _few_bits(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _many_bits(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(len(data) // chance.randint(50, 400)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _bits_of_the_head(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(12, min(_HEAD, len(data)))] ^= 1 << chance.randrange(8)
    return data


def _cut_short(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(64, len(data))]


def _cut_out(data: bytearray, chance: random.Random) -> bytearray:
    begin = chance.randrange(64, len(data) - 1)
    del data[begin : begin + chance.randint(1, len(data) // 3)]
    return data


def _swapped(data: bytearray, chance: random.Random) -> bytearray:
    long = chance.randint(16, len(data) // 8)
    one, other = sorted(chance.randrange(64, len(data) - long) for _ in range(2))
    held = data[one : one + long]
    data[one : one + long] = data[other : other + long]
    data[other : other + long] = held
    return data[: max(64, len(data))]


def _zeroed(data: bytearray, chance: random.Random) -> bytearray:
    begin = chance.randrange(64, len(data) - 1)
    end = min(len(data), begin + chance.randint(1, 4000))
    data[begin:end] = bytes(end - begin)
    return data


def _random_run(data: bytearray, chance: random.Random) -> bytearray:
    begin = chance.randrange(64, len(data) - 1)
    end = min(len(data), begin + chance.randint(1, 400))
    data[begin:end] = chance.randbytes(end - begin)
    return data


def _twice(data: bytearray, chance: random.Random) -> bytearray:
    begin = chance.randrange(64, len(data) - 1)
    data[begin:begin] = data[begin : begin + chance.randint(1, len(data) // 4)]
    return data


def _absurd_number(data: bytearray, chance: random.Random) -> bytearray:
    """Sizes, counts and rates are 32-bit numbers somewhere in the head, or in the index."""
    values = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0, 0x10000)
    region = chance.choice([(8, min(_HEAD, len(data))), (max(8, len(data) - _HEAD), len(data))])
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(region[0], max(region[0] + 1, region[1] - 4))
        data[at : at + 4] = struct.pack(">I", chance.choice(values))
    return data


def _lying_box(data: bytearray, chance: random.Random) -> bytearray:
    """The size of a box, or a count behind its name, is another one."""
    names = (
        b"moov",
        b"trak",
        b"mdia",
        b"stts",
        b"stsz",
        b"stsc",
        b"stco",
        b"ctts",
        b"stsd",
        b"mvhd",
    )
    found = [at for name in names if (at := data.find(name)) >= 4]
    if not found:
        return _absurd_number(data, chance)
    at = chance.choice(found) + chance.choice([-4, 4, 8, 12])
    data[at : at + 4] = struct.pack(">I", chance.choice([0, 1, 7, 0xFFFFFFFF, 0x7FFFFFFF]))
    return data


CHANGES: tuple[Change, ...] = (
    *(_few_bits, _many_bits, _bits_of_the_head, _cut_short, _cut_out, _swapped),
    *(_zeroed, _random_run, _twice, _absurd_number, _lying_box),
)


def mutated(content: bytes, seed: int) -> tuple[str, bytes]:
    """The name of what was done, and the file. Changes have their turns as seeds are counted up."""
    chance = random.Random(seed)
    change = CHANGES[seed % len(CHANGES)]
    return change.__name__.strip("_"), bytes(change(bytearray(content), chance))
