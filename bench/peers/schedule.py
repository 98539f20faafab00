"""In which order proxies are driven.

The unit is a quad, ABBA or BAAB: two pairs of neighbouring blocks, in which a machine that slowly
becomes faster or slower favours each side once. The quads of all comparisons, and those of a proxy
with itself, are shuffled, so that nobody has the quiet hours."""

import math
from typing import NamedTuple

ORDER = (0, 1, 1, 0)  # which side each block of a quad drives
PAIRS = ((0, 1), (3, 2))  # blocks of a quad that make a pair: first side, second side


class Quad(NamedTuple):
    sides: tuple  # the two proxies; the same one twice for A/A
    blocks: tuple  # the four proxies, in order

    @property
    def is_same(self):
        return self.sides[0] == self.sides[1]

    def pairs(self, values):
        """(value of sides[0], value of sides[1]) for both pairs; `values` are the four blocks'."""
        flipped = self.blocks[0] != self.sides[0]
        pairs = [(values[a], values[b]) for a, b in PAIRS]
        return [(b, a) for a, b in pairs] if flipped else pairs


def make(ours, others, pair_count, random):
    """Quads for at least `pair_count` pairs of ours with each of the others, and as many A/A."""
    count = math.ceil(pair_count / len(PAIRS))
    everybody = [ours, *others]
    sides = [(ours, other) for other in others for _ in range(count)]
    sides += [(everybody[i % len(everybody)],) * 2 for i in range(count)]
    random.shuffle(sides)
    return [_quad(pair, random) for pair in sides]


def _quad(sides, random):
    first = random.randrange(2)
    return Quad(sides, tuple(sides[side ^ first] for side in ORDER))
