"""The text of `signbit explain`: at most 80 columns, one (heading, lines) pair per section."""

from collections.abc import Iterator

from signbit.cli._explanation import TRUTH_TABLE, WORD_BITS, Explanation

Section = tuple[str, list[str]]

# A longer table is shown by its first and last rows. The last rows hold the final sums.
MOST_ROWS = 24
HEAD_ROWS = 12
TAIL_ROWS = 4
# Up to this length, the bits fit into a line twice: as they are, and read backwards.
MOST_REVERSED = 12


def sections(explanation: Explanation) -> Iterator[Section]:
    """The sections that are printed, in order."""
    yield _operands(explanation)
    yield _truth_table()
    yield _steps(explanation)
    yield _sums(explanation)
    yield _words(explanation)


def _operands(x: Explanation) -> Section:
    lines = []
    for name, bits in (("a", x.a), ("w", x.w)):
        chunks = [bits[start : start + WORD_BITS] for start in range(0, x.n, WORD_BITS)]
        lines += _elide([f"{name} = {chunks[0]}", *(f"    {chunk}" for chunk in chunks[1:])])
    channels = "1 channel" if x.n == 1 else f"{x.n} channels, channel 0 first"
    return f"Two vectors of signs: {channels}; 1 stands for +1, 0 for -1", lines


def _truth_table() -> Section:
    lines = ["  a   w   a*w   |   a  w   XNOR  XOR"]
    for a, w, xnor, xor in TRUTH_TABLE:
        x, y = 2 * a - 1, 2 * w - 1
        lines.append(f" {x:+d}  {y:+d}    {x * y:+d}   |   {a}  {w}      {xnor}    {xor}")
    return "Truth table: XNOR is 1 where the product is +1, XOR is 1 where it is -1", lines


def _steps(x: Explanation) -> Section:
    lines = [
        "         |    multiply and add    |  XNOR and popcount  |  XOR and popcount",
        " channel |   a   w   a*w     sum  |  a  w  XNOR  count  |  a  w  XOR  count",
    ]
    rows, total, agree, differ = [], 0, 0, 0
    for channel, product in enumerate(x.products):
        a, w, xnor, xor = x.a[channel], x.w[channel], x.xnor[channel], x.xor[channel]
        total, agree, differ = total + product, agree + int(xnor), differ + int(xor)
        rows.append(
            f"{channel:8d} |  {2 * int(a) - 1:+d}  {2 * int(w) - 1:+d}    {product:+d}  {total:+6d}"
            f"  |  {a}  {w}     {xnor}  {agree:5d}  |  {a}  {w}    {xor}  {differ:5d}"
        )
    return "Step by step", lines + _elide(rows)


def _sums(x: Explanation) -> Section:
    agree, differ = x.xnor.count("1"), x.xor.count("1")
    lines = [
        f"sum of a*w                  = {x.dot:+d}",
        f"2 * popcount(a XNOR w) - n  = 2 * {agree} - {x.n} = {x.dot_xnor:+d}",
        f"n - 2 * popcount(a XOR w)   = {x.n} - 2 * {differ} = {x.dot_xor:+d}",
    ]
    return "The same dot product, computed three ways", lines


def _words(x: Explanation) -> Section:
    lines = ["word  channels     a                 w                 a XOR w           ones"]
    rows = []
    for index, (a, w, xor) in enumerate(x.words):
        channels = f"{index * WORD_BITS}-{min((index + 1) * WORD_BITS, x.n) - 1}"
        words = f"{a:016x}  {w:016x}  {xor:016x}"
        rows.append(f"{index:4d}  {channels:<11}  {words}  {xor.bit_count():4d}")
    ones = sum(xor.bit_count() for _, _, xor in x.words)
    lines += [*_elide(rows), *_remarks(x)]
    lines += [f"n - 2 * ones                = {x.n} - 2 * {ones} = {x.dot_words:+d}"]
    heading = "Packed into 64-bit words (hexadecimal): channel c is bit c % 64 of word c // 64"
    return heading, lines


def _remarks(x: Explanation) -> Iterator[str]:
    if 1 < x.n <= MOST_REVERSED:
        yield f"Channel 0 is the lowest bit: a = {x.a} read backwards is 0b{x.a[::-1]}."
    tail = -x.n % WORD_BITS
    if tail:
        bits = "tail bit is" if tail == 1 else f"{tail} tail bits are"
        yield f"The {bits} 0 in a and in w. XOR does not count them, but XNOR would."


def _elide(rows: list[str]) -> list[str]:
    if len(rows) <= MOST_ROWS:
        return rows
    left_out = len(rows) - HEAD_ROWS - TAIL_ROWS
    return [*rows[:HEAD_ROWS], f"    ... {left_out} lines like these ...", *rows[-TAIL_ROWS:]]
