# The steps of Tsit5, and the way back through one.

const TSIT5_TABLEAU = let c = Tsit5ConstantCacheActual(Float64, Float64)
    A = zeros(7, 7)
    for i in 2:7, j in 1:i-1
        A[i, j] = getproperty(c, Symbol(:a, i, j))
    end
    error = ntuple(j -> getproperty(c, Symbol(:btilde, j)), 7)
    (; A, c = (0.0, c.c1, c.c2, c.c3, c.c4, c.c5, c.c6), error)
end

const TSIT5_STAGES = 7
const TSIT5_ROWS = ntuple(q -> Tuple(TSIT5_TABLEAU.A[q, 1:q-1]), TSIT5_STAGES)

# how far stability reaches along the negative real axis
const REGION = 3.5068

function attempt_explicit!(m::March, p, t, h, tol)
    (; c, error) = TSIT5_TABLEAU
    n = length(m.u)
    copyto!(m.k, 1, m.f0, 1, n)
    @nexprs 5 i -> begin
        combine!(m.stage, m.u, m.k, map(a -> h * a, TSIT5_ROWS[i+1]))
        m.rhs!(m.f, m.stage, p, t + c[i+1] * h)
        copyto!(m.k, i * n + 1, m.f, 1, n)
    end
    # the one but last is kept: it says with the last how stiff the system is
    copyto!(m.b, m.stage)
    combine!(m.next, m.u, m.k, map(a -> h * a, TSIT5_ROWS[7]))
    m.rhs!(m.f, m.next, p, t + h)
    copyto!(m.k, 6n + 1, m.f, 1, n)
    fill!(m.error, 0.0)
    combine!(m.error, m.error, m.k, map(a -> h * a, error))
    return error_norm(m, tol)
end

# the last slope of a step is the first of the next
share!(m::March) = (copyto!(m.f0, 1, m.k, 6length(m.u) + 1, length(m.u)); nothing)

# a bound of h times the eigenvalues: the last two stages are at the same time, at states a little apart
function reach(m::March, h)
    above = below = 0.0
    @inbounds for i in eachindex(m.u)
        above += abs2(m.k[i, 7] - m.k[i, 6])
        below += abs2(m.next[i] - m.b[i])
    end
    return below > 0 ? h * sqrt(above / below) : 0.0
end

# the weights of the dense output at the fraction x of a step
function tsit5_weights(x)
    r11, r12, r13, r14, r22, r23, r24, r32, r33, r34, r42, r43, r44, r52, r53, r54, r62, r63, r64,
    r72, r73, r74 = Tsit5Interp(Float64)
    y = x * x
    return (
        x * evalpoly(x, (r11, r12, r13, r14)), y * evalpoly(x, (r22, r23, r24)),
        y * evalpoly(x, (r32, r33, r34)), y * evalpoly(x, (r42, r43, r44)),
        y * evalpoly(x, (r52, r53, r54)), y * evalpoly(x, (r62, r63, r64)),
        y * evalpoly(x, (r72, r73, r74)),
    )
end

"The state at the fraction x of a step of size h from u with slopes k (states, stages)."
function within_explicit!(out, x, h, u, k)
    b = tsit5_weights(x)
    @inbounds for i in eachindex(u)
        sum = 0.0
        for q in 1:TSIT5_STAGES
            sum = muladd(b[q], k[i, q], sum)
        end
        out[i] = muladd(h, sum, u[i])
    end
    return nothing
end

# The cotangents `lambda` of the state at the end of step m become those of the state at its start. `b.first`
# are those of the last slope, which the step behind took over; those of the first slope are left there where
# the step before gave it. Returns how many of `times` are left.
function back_explicit!(b::Back, path, m, times, cotangents, i)
    (; A, c) = TSIT5_TABLEAU
    (; n, lambda, K, u, g, w, at_stage, gp, p) = b
    t, h, u0, k = path.t[m], path.t[m+1] - path.t[m], path.u[m], explicit_stages(path.steps, m, b.n)
    fill!(K, 0.0)
    fill!(u, 0.0)
    while within(times, i, t)
        if times[i] >= path.t[m+1]
            add!(lambda, 1.0, cotangents[i])
        else
            weights = tsit5_weights((times[i] - t) / h)
            for s in 1:n, q in 1:TSIT5_STAGES
                K[q, s] += h * weights[q] * cotangents[i][s]
            end
            add!(u, 1.0, cotangents[i])
        end
        i -= 1
    end
    for s in 1:n
        w[s] = K[7, s] + b.first[s]
    end
    b.pull(lambda, gp, w, path.u[m+1], p, t + h)
    add!(u, 1.0, lambda)
    @inbounds for s in 1:n, q in 1:6
        K[q, s] += h * A[7, q] * lambda[s]
    end
    for q in 6:-1:2
        @inbounds for s in 1:n
            at, w[s] = u0[s], K[q, s]
            for j in 1:q-1
                at += h * A[q, j] * k[s, j]
            end
            at_stage[s] = at
        end
        fill!(g, 0.0)
        b.pull(g, gp, w, at_stage, p, t + c[q] * h)
        add!(u, 1.0, g)
        @inbounds for s in 1:n, j in 1:q-1
            K[j, s] += h * A[q, j] * g[s]
        end
    end
    for s in 1:n
        b.first[s] = K[1, s]
    end
    if !path.steps.shared[m]
        b.pull(u, gp, b.first, u0, p, t)
        fill!(b.first, 0.0)
    end
    copyto!(lambda, u)
    return i
end
