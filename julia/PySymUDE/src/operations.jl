"""
    Operations

The functions that the source of a model may name. Outside their domain they return NaN, where those of
Base throw: a solver then rejects its step, as it does in every other language.
"""
module Operations

sin_(x) = isfinite(x) ? sin(x) : NaN
cos_(x) = isfinite(x) ? cos(x) : NaN
tan_(x) = isfinite(x) ? tan(x) : NaN
asin_(x) = abs(x) <= 1 ? asin(x) : NaN
acos_(x) = abs(x) <= 1 ? acos(x) : NaN
acosh_(x) = x >= 1 ? acosh(x) : NaN
atanh_(x) = abs(x) <= 1 ? atanh(x) : NaN
log_(x) = x >= 0 ? log(x) : NaN
sqrt_(x) = x >= 0 ? sqrt(x) : NaN
power(x, y) = x >= 0 || isinteger(y) ? x^y : NaN
erf_(x) = ccall((:erf, Base.Math.libm), Float64, (Float64,), x)
heaviside(x) = x > 0 ? 1.0 : x < 0 ? 0.0 : 0.5

# finite where slopes are not
recip0(x) = x == 0 ? 0.0 : 1 / x
mul0(x, y) = x == 0 || y == 0 ? 0.0 : x * y
pow0(x, y) = (v = power(x, y); isfinite(v) ? v : 0.0)
log0(x) = x > 0 ? log(x) : 0.0

# the slope of mul0(x, y) by x: 0 times what is not finite is 0 wherever that 0 moves
factor0(x, y) = x != 0 || isfinite(y) ? y : 0.0

"x^n for a literal n: products, and one division where n < 0."
@inline integer_power(x, ::Val{n}) where {n} = n >= 0 ? _power(x, Val(n)) : 1 / _power(x, Val(-n))
@inline function _power(x, ::Val{n}) where {n}
    n == 0 && return one(x)
    half = _power(x, Val(n ÷ 2))
    return iseven(n) ? half * half : half * half * x
end

# Signals: tables as pysymude.plan.tables lays them out, each known by its address. A slot is PIECE and the piece
# on which a signal is, or LIVE where the argument says it, or stands for an end of its range.
const LIVE, PIECE, LEAST, GREATEST = 2.0, 3.0, -3.0, -4.0
const TABLE_HEAD = 8

number_at(address, k) = unsafe_load(Ptr{Float64}(UInt(address)), k + 1)
time_of(address, k) = number_at(address, TABLE_HEAD + k)
count_points(address) = unsafe_trunc(Int, number_at(address, 0))

"How many of the points lie at or before x: a guess for equal distances, then bisection."
function piece_of(address, x)
    n = count_points(address)
    first, last = time_of(address, 0), time_of(address, n - 1)
    x >= first || return 0
    x >= last && return n
    low, high = 0, n - 1 # x lies from `low` on and before `high`
    k = min(unsafe_trunc(Int, (x - first) / (last - first) * (n - 1)), n - 2)
    if time_of(address, k) <= x
        low = k
        x < time_of(address, k + 1) && return k + 1
        k + 2 < n && x < time_of(address, k + 2) && return k + 2
    else
        high = k
        k > 0 && time_of(address, k - 1) <= x && return k
    end
    while high - low > 1
        middle = (low + high) ÷ 2
        time_of(address, middle) <= x ? (low = middle) : (high = middle)
    end
    return high
end

"The derivative of an order of a signal at x, on the piece that `slot` says; NaN where it is not defined."
function signal(address, x, slot, order)
    address == 0 && return NaN
    slot < 0 && return number_at(address, slot == LEAST ? 3 : 4)
    (x < number_at(address, 1) || x > number_at(address, 2)) && return NaN
    piece = slot == LIVE ? piece_of(address, x) : unsafe_trunc(Int, slot - PIECE)
    s, row = x - time_of(address, max(piece - 1, 0)), TABLE_HEAD + count_points(address) + 4piece
    b, c, d = number_at(address, row + 1), number_at(address, row + 2), number_at(address, row + 3)
    order == 0 && return number_at(address, row) + s * (b + s * (c + s * d))
    order == 1 && return b + s * (2c + 3s * d)
    order == 2 && return 2c + 6s * d
    return order == 3 ? 6d : 0.0
end

"The integrals up to x of a signal less the middle of its range, and of the square of that."
function integrals(address, x)
    n, middle = count_points(address), (number_at(address, 3) + number_at(address, 4)) / 2
    piece = clamp(piece_of(address, x), 1, n)
    s, row = x - time_of(address, piece - 1), TABLE_HEAD + n + 4piece
    a = number_at(address, row) - middle
    b, c, d = number_at(address, row + 1), number_at(address, row + 2), number_at(address, row + 3)
    s < 0 && (b = c = d = 0.0) # it holds before its first point
    sums = TABLE_HEAD + n + 4(n + 1) + piece - 1
    area = s * evalpoly(s, (a, b / 2, c / 3, d / 4))
    square = s * evalpoly(
        s, (a * a, a * b, (2a * c + b * b) / 3, (a * d + b * c) / 2, (2b * d + c * c) / 5, c * d / 3, d * d / 7),
    )
    return number_at(address, sums) + area, number_at(address, sums + n) + square
end

"The numbers of a table."
ints(text) = parse.(Int, split(text))
floats(text) = parse.(Float64, split(text))

const NAMES = (
    :sin_, :cos_, :tan_, :asin_, :acos_, :acosh_, :atanh_, :log_, :sqrt_, :power, :erf_, :heaviside,
    :recip0, :mul0, :pow0, :log0, :factor0, :integer_power, :ints, :floats,
    :signal,
)

end
