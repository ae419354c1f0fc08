"""The operations of the machine, as numbers.

A row of `code` is (operation, a, b, c, result); all but the first are slots of a block, or integers where the
text below says so. `x` and `y` are two numbers a row.

=============  =======================================================
ADD            x v[a] + y v[b]
MUL            x v[a] v[b]
DIV            x v[a] / v[b]
SCALE          x v[a]
functions      f(x v[a]);  IPOW: (x v[a])**b with the integer b
POW, ATAN2     f(v[a], v[b])
SELECT         v[b] where v[a] != 0, else v[c]
SWITCH         the sign of v[a]; v[b] where that is not LIVE: then it is frozen
NET            the network call at position a of `net`
SIGNAL         derivative y of the signal whose table has the address v[c], at x v[a]: on the piece
               v[b] - PIECE; where that is LIVE, on the one that the argument says; LEAST and
               GREATEST stand for the ends of its range
=============  =======================================================
"""

from __future__ import annotations

__all__ = ["CODES_OF_TAPE", "LIVE", "ROW"]

ROW = 5
LIVE = 2.0

ADD, MUL, DIV, SCALE, IPOW, SQRT, EXP, LOG, SIN, COS, TAN, ASIN, ACOS, ATAN, SINH, COSH = range(16)
TANH, ASINH, ACOSH, ATANH, ERF, ABS, SIGN, HEAVISIDE, RECIP0, LOG0 = range(16, 26)
POW, POW0, ATAN2, MUL0, MIN, MAX = range(26, 32)
LT, LE, GT, GE, EQ, NE, AND, OR, NOT = range(32, 41)
SELECT, SWITCH, NET, SIGNAL = range(41, 45)
PIECE = 3.0
LEAST, GREATEST = -3.0, -4.0

CODES_OF_TAPE = {
    "sqrt": SQRT, "exp": EXP, "log": LOG, "sin": SIN, "cos": COS, "tan": TAN, "asin": ASIN,
    "acos": ACOS, "atan": ATAN, "sinh": SINH, "cosh": COSH, "tanh": TANH, "asinh": ASINH,
    "acosh": ACOSH, "atanh": ATANH, "erf": ERF, "abs": ABS, "sign": SIGN, "heaviside": HEAVISIDE,
    "recip0": RECIP0, "log0": LOG0, "pow": POW, "pow0": POW0, "atan2": ATAN2, "mul0": MUL0,
    "min": MIN, "max": MAX, "lt": LT, "le": LE, "gt": GT, "ge": GE, "eq": EQ, "ne": NE, "and": AND,
    "or": OR, "not": NOT,
}  # fmt: skip
"""Operations of a tape that have a code of their own; the others are lowered to ADD, MUL, ..."""
