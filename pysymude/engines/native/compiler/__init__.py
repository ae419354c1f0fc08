"""A compiler of this engine's loops: a small part of Python, with the kinds of arguments known, to LLVM.

The loops are some two hundred functions of numbers, arrays and records. Their text is read as Python's own
syntax tree, and each function is written once for each kinds of its arguments, in one pass. All become one
module, which LLVM optimises as a whole. What is not in that part of Python is an error that names the line.

What there is: whole numbers, floats, truths, tuples, arrays of float64 and int64 (items, rows, slices of one
dimension), fields of records; `if`, `while`, `for` over a range; `abs`, `min`, `max`, `int`, `float` and the
functions of `math` and NumPy in `built_in`; other functions, constants, and ``is None``, which is known before
anything runs: what it rules out is not written.

What differs: a variable is of one kind, that of its first value, and a loop's variable is not there behind it;
indices do not count from the end and are not checked; whole numbers do not overflow; a division by 0 is no error.
"""
