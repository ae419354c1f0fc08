# Linear systems of few unknowns: factors that take less time than a call of LAPACK does, and elimination
# written out for one pattern of zeros.

# up to so many unknowns the loops here are faster than LAPACK
const SMALL = 24

"""
    factors!(A, pivots) -> Bool

The factors of a matrix, in its place, rows exchanged for the largest pivots; false where one is 0. Small
ones hold the inverse of each pivot.
"""
function factors!(A::Mat, pivots::Vector{BlasInt})
    n = size(A, 1)
    if n > SMALL
        found = lu!(A; check = false)
        copyto!(pivots, found.ipiv)
        return issuccess(found)
    end
    @inbounds for k in 1:n
        top, largest = k, abs(A[k, k])
        for i in k+1:n
            size = abs(A[i, k])
            size > largest && ((top, largest) = (i, size))
        end
        pivots[k] = top
        largest == 0 && return false
        if top != k
            for j in 1:n
                A[k, j], A[top, j] = A[top, j], A[k, j]
            end
        end
        inverse = A[k, k] = 1 / A[k, k]
        @simd ivdep for i in k+1:n
            A[i, k] *= inverse
        end
        for j in k+1:n
            a = A[k, j]
            @simd ivdep for i in k+1:n
                A[i, j] = muladd(-A[i, k], a, A[i, j])
            end
        end
    end
    return true
end

"x <- A \\ x, for what [`factors!`](@ref) left."
function solve_factored!(x::Vec, A::Mat, pivots::Vector{BlasInt})
    n = length(x)
    n <= SMALL || (LAPACK.getrs!('N', A, pivots, x); return nothing)
    @inbounds for k in 1:n
        top = pivots[k]
        x[k], x[top] = x[top], x[k]
    end
    @inbounds for j in 1:n
        a = x[j]
        @simd ivdep for i in j+1:n
            x[i] = muladd(-A[i, j], a, x[i])
        end
    end
    @inbounds for j in n:-1:1
        a = x[j] *= A[j, j]
        @simd ivdep for i in 1:j-1
            x[i] = muladd(-A[i, j], a, x[i])
        end
    end
    return nothing
end

"x <- transpose(A) \\ x, for what [`factors!`](@ref) left."
function solve_transposed!(x::Vec, A::Mat, pivots::Vector{BlasInt})
    n = length(x)
    n <= SMALL || (LAPACK.getrs!('T', A, pivots, x); return nothing)
    @inbounds for j in 1:n
        sum = x[j]
        for i in 1:j-1
            sum = muladd(-A[i, j], x[i], sum)
        end
        x[j] = sum * A[j, j]
    end
    @inbounds for j in n-1:-1:1
        sum = x[j]
        for i in j+1:n
            sum = muladd(-A[i, j], x[i], sum)
        end
        x[j] = sum
    end
    @inbounds for k in n:-1:1
        top = pivots[k]
        x[k], x[top] = x[top], x[k]
    end
    return nothing
end

"""
    Elimination

Factors (`factor!(A)`) and solutions (`solve!(x, A)`) for matrices of one size that are 0 except on the
diagonal and at certain linear positions: straight-line code, in an order that fills up little. No rows are
exchanged: whoever uses it looks at [`is_solution`](@ref).
"""
struct Elimination
    factor!::FunctionWrapper{Nothing,Tuple{Mat}}
    solve!::FunctionWrapper{Nothing,Tuple{Vec,Mat}}
end

# so many lines take a second to compile, and save about two microseconds a step
const LONGEST = 400

"An [`Elimination`](@ref), or nothing where there are no `entries` or its code would be long."
function elimination(n::Integer, entries::Vector{Int})
    isempty(entries) && return nothing
    filled = falses(n, n)
    filled[entries] .= true
    order = elimination_order!(filled)
    factors = factor_lines(filled, order)
    length(factors) <= LONGEST || return nothing
    place = Module(:Eliminated)
    factor! = Core.eval(place, :(A -> ($(factors...); nothing)))
    solve! = Core.eval(place, :((x, A) -> ($(solve_lines(filled, order)...); nothing)))
    return Base.invokelatest(Elimination, factor!, solve!)
end

# pivots in the order in which each makes the fewest products; `filled` gets the entries that arise
function elimination_order!(filled)
    n = size(filled, 1)
    foreach(i -> filled[i, i] = true, 1:n)
    left, order = Set(1:n), Int[]
    while !isempty(left)
        products(k) = (count(i -> filled[i, k], left) - 1) * (count(j -> filled[k, j], left) - 1)
        k = argmin(k -> (products(k), k), left)
        push!(order, k)
        delete!(left, k)
        for i in left, j in left
            filled[i, k] && filled[k, j] && (filled[i, j] = true)
        end
    end
    return order
end

function factor_lines(filled, order)
    lines = Expr[]
    for (at, k) in enumerate(order)
        left = order[at+1:end]
        push!(lines, :(@inbounds A[$k, $k] = 1 / A[$k, $k]))
        for i in filter(i -> filled[i, k], left)
            push!(lines, :(factor = @inbounds A[$i, $k] *= A[$k, $k]))
            for j in filter(j -> filled[k, j], left)
                push!(lines, :(@inbounds A[$i, $j] = muladd(-factor, A[$k, $j], A[$i, $j])))
            end
        end
    end
    return lines
end

function solve_lines(filled, order)
    n = length(order)
    name(i) = Symbol(:x, i)
    less(k, j) = :(@inbounds $(name(k)) = muladd(-A[$k, $j], $(name(j)), $(name(k))))
    lines = [:(@inbounds $(name(i)) = x[$i]) for i in 1:n]
    for (at, k) in enumerate(order), j in order[1:at-1]
        filled[k, j] && push!(lines, less(k, j))
    end
    for at in n:-1:1
        k = order[at]
        append!(lines, [less(k, j) for j in order[at+1:end] if filled[k, j]])
        push!(lines, :(@inbounds x[$k] = $(name(k)) *= A[$k, $k]))
    end
    return lines
end

"""
    is_solution(r, s, a, J, x, b) -> Bool

Whether x solves (a I - J) x = b, up to 1e-10 of the sum of the absolute values of the terms in each row. r
and s are overwritten.
"""
function is_solution(r::Vec, s::Vec, a, J::Mat, x::Vec, b::Vec)
    n = length(x)
    @inbounds @simd ivdep for i in 1:n
        r[i] = muladd(-a, x[i], b[i])
        s[i] = muladd(a, abs(x[i]), abs(b[i]))
    end
    @inbounds for j in 1:n
        @simd ivdep for i in 1:n
            term = J[i, j] * x[j]
            r[i] += term
            s[i] += abs(term)
        end
    end
    good = true
    @inbounds @simd for i in 1:n
        good &= abs(r[i]) <= 1e-10 * s[i]
    end
    return good
end
