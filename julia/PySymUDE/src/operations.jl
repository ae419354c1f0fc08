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

"The numbers of a table."
ints(text) = parse.(Int, split(text))
floats(text) = parse.(Float64, split(text))

const NAMES = (
    :sin_, :cos_, :tan_, :asin_, :acos_, :acosh_, :atanh_, :log_, :sqrt_, :power, :erf_, :heaviside,
    :recip0, :mul0, :pow0, :log0, :factor0, :integer_power, :ints, :floats,
)

end
