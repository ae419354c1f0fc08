"""A compiler of this engine's loops: a small part of Python, with the types of arguments known, to LLVM.

The loops are some two hundred functions of numbers, arrays and records. Their text is read as Python's own
syntax tree and each function is written once for each kinds of its arguments, in one pass: the kind of a
variable is that of its first value. All become one module, which LLVM optimises as a whole. What is not in
that part of Python is an error that names the line.
"""
