# julia --project=DIR -e 'push!(LOAD_PATH, "julia"); include("julia/PySymUDE/test/runtests.jl")'
# from the root of the repository, with a project DIR that has the packages; or Pkg.test("PySymUDE").

using PySymUDE
using PySymUDE: ACTIVATIONS, CODES, EXPLICIT, IMPLICIT, RODAS5P_TABLEAU, SMALL, count_weights, curvature, elimination, factors!,
    forward!, initial_states, is_solution, jacobian!, jacobian_pullback!, march_path!, objection, pullback!,
    set_scalings!, slope, solve_factored!, solve_transposed!, value
using LinearAlgebra: I, NoPivot, lu
using OrdinaryDiffEqRosenbrock: Rodas5P, Rosenbrock23
using OrdinaryDiffEqTsit5: AutoTsit5, Tsit5
using OrdinaryDiffEqVerner: Vern9
using SciMLBase: SciMLBase, remake, solve
using Test

# central differences, extrapolated once: good to about 1e-10 of the size
function difference(f, x, k; h = 1e-3)
    moved(s) = (y = copy(x); y[k] += s; y)
    d(s) = (f(moved(s)) .- f(moved(-s))) ./ 2s
    return (4 .* d(h / 2) .- d(h)) ./ 3
end

numbers(n, seed) = [sin(1.7k + seed) for k in 1:n]
relative(a, b) = maximum(abs, a .- b) / maximum(abs, b)

@testset "activation $name" for (name, a) in ACTIVATIONS
    for z in (-2.3, -0.4, 0.1, 1.9)
        f(x) = value(a, x[1])
        g(x) = slope(a, x[1], value(a, x[1]))
        @test slope(a, z, value(a, z)) ≈ difference(f, [z], 1) atol = 1e-9
        @test curvature(a, z, value(a, z)) ≈ difference(g, [z], 1) atol = 1e-9
    end
end

@testset "network with $name" for name in (:tanh, :gelu, :softplus, :rbf)
    scaling = [0.1, -0.2, 0.3, 1.5, 0.7, 2.0, 0.4, -0.3, 1.2, 0.8]
    nn = MLP([3, 4, 5, 2], name, 2; scaling)
    c, z = call(nn), [0.3, -0.8, 0.5]
    theta = numbers(2 + count_weights(nn), 1)
    outputs(th, x) = (forward!(c, th, x...); copy(c.outputs))
    jacobian(th, x) = (jacobian!(c, th, x...); copy(c.jacobian))

    J = jacobian(theta, z)
    for j in 1:3
        @test J[:, j] ≈ difference(x -> outputs(theta, x), z, j) rtol = 1e-8
    end
    d = [0.7, -1.1]
    g = zero(theta)
    forward!(c, theta, z...)
    pullback!(c, g, theta, d...)
    @test c.inputs ≈ J' * d
    expected = [sum(d .* difference(th -> outputs(th, z), theta, k)) for k in eachindex(theta)]
    @test relative(g, expected) < 1e-8
    @test relative(1.0001 .* g, expected) > 1e-8

    D = reshape(numbers(6, 3), 2, 3)
    fill!(g, 0.0)
    jacobian!(c, theta, z...)
    jacobian_pullback!(c, g, theta, D...)
    inputs = copy(c.inputs)
    @test relative(inputs, [sum(D .* difference(x -> jacobian(theta, x), z, j)) for j in 1:3]) < 1e-8
    expected = [sum(D .* difference(th -> jacobian(th, z), theta, k)) for k in eachindex(theta)]
    @test relative(g, expected) < 1e-8
end

# x' = a x + nn_1, y' = -b y + nn_2
const SYSTEM = """
const SIZES = (2, 27, 2)
const NETWORKS = [([2, 5, 2], :tanh, 0)]
const USES = [1]
function rhs!(du, u, p, t, q, c)
    forward!(c[1], p, u[1], u[2])
    du[1] = q[1] * u[1] + c[1].outputs[1]
    du[2] = -q[2] * u[2] + c[1].outputs[2]
    return nothing
end
function jac!(J, u, p, t, q, c)
    jacobian!(c[1], p, u[1], u[2])
    J[1, 1] = q[1] + c[1].jacobian[1, 1]
    J[1, 2] = c[1].jacobian[1, 2]
    J[2, 1] = c[1].jacobian[2, 1]
    J[2, 2] = -q[2] + c[1].jacobian[2, 2]
    return nothing
end
tgrad!(dT, u, p, t, q, c) = (fill!(dT, 0.0); nothing)
function vjp!(g, v, u, p, t, q, c)
    forward!(c[1], p, u[1], u[2])
    pullback!(c[1], nothing, p, v[1], v[2])
    g[1] = q[1] * v[1] + c[1].inputs[1]
    g[2] = -q[2] * v[2] + c[1].inputs[2]
    return nothing
end
function vjp_p!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    forward!(c[1], p, u[1], u[2])
    pullback!(c[1], g, p, v[1], v[2])
    return nothing
end
"""
const OBSERVATION = """
const USES = Int[]
observe!(y, u, p, t, q, c) = (y[1] = u[1] * u[2]; y[2] = u[1] + p[27] * u[2]^2; nothing)
function pull!(gu, gp, v, u, p, t, q, c)
    gu[1] += v[1] * u[2] + v[2]
    gu[2] += v[1] * u[1] + 2 * v[2] * p[27] * u[2]
    gp[27] += v[2] * u[2]^2
    return nothing
end
"""
const SCALINGS = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]

# where the solves start, as combinations of what is given
const MIX = [1.0 0.0; 0.2 0.9]

# two experiments; the first ends where the second starts; x of the second is learned and positive
function loss(algorithm, sensealg; reltol = 1e-10, blow_up = false, system = SYSTEM)
    ts = [0.0 1.0; 0.3 1.4; 0.5 2.0; 1.0 2.0]
    weight = ones(1, 4, 2)
    weight[1, 2, 1] = weight[1, 4, 2] = 0.0
    made = Loss(
        load_model(system), OBSERVATION; algorithm, sensealg, t0 = [0.0, 1.0], u0 = [0.5 1.0; 2.0 1.5],
        q = [(blow_up ? 1e4 : 1.3) 1.1; 1.8 1.6], ts, y = reshape(numbers(8, 2), 1, 4, 2), weight,
        u0_index = [0 28; 0 0], positive = [true, true], mix = MIX, link = [2, 0],
        link_weight = [0.7, 1.3], law_weight = abs.(reshape(numbers(8, 9), 1, 4, 2)),
        anchor = [0.1 1.0; 0.4 0.0; 0.2 0.0; 0.3 0.0], reltol, abstol = reltol, maxiters = 100_000,
        scalings = SCALINGS, size_of_theta = 28,
    )
    copyto!(made.theta, 0.5 .* numbers(28, 5))
    return made
end

function gradient(l::Loss)
    evaluate!(l, true)
    @test all(iszero, l.out[l.at.codes])
    return l.out[l.at.gradient]
end

function at(l::Loss, theta)
    copyto!(l.theta, theta)
    evaluate!(l, false)
    return l.out[1]
end

reference = let l = loss("Vern9", "forward"; reltol = 1e-12), theta = copy(l.theta)
    [difference(th -> at(l, th), theta, k; h = 1e-2) for k in eachindex(theta)]
end

@testset "$sensealg gradient with $algorithm" for sensealg in ("adjoint", "forward"),
    algorithm in ("auto", "Tsit5", "AutoTsit5", "Vern7", "Vern9", "Rodas5P", "KenCarp4", "Kvaerno5", "RadauIIA5", "FBDF")

    g = gradient(loss(algorithm, sensealg))
    @test relative(g, reference) < 1e-6
    @test relative(g .* (1 + 3e-6), reference) > 1e-6
end

@testset "factors of $n by $n" for n in (1, 2, 3, SMALL, SMALL + 1)
    pivots = zeros(Int, n)
    # without exchanges of rows the first pivot is 0, or tiny
    for first in (n == 1 ? (0.7,) : (0.0, 1e-14))
        A, x = reshape(numbers(n^2, 3), n, n) + 3I, numbers(n, 4)
        A = A[[2:n; 1], :]
        A[1, 1] = first
        W, straight, across = copy(A), copy(x), copy(x)
        @test factors!(W, pivots)
        solve_factored!(straight, W, pivots)
        solve_transposed!(across, W, pivots)
        @test straight ≈ A \ x rtol = 1e-12
        @test across ≈ A' \ x rtol = 1e-12
        n == 1 || @test !(lu(A, NoPivot(); check = false)' \ x ≈ A' \ x)
    end
    @test !factors!(zeros(n, n), pivots)
    W, x = zeros(n, n) + 2I, ones(n)
    factors!(W, pivots)
    @test (@allocated solve_transposed!(x, W, pivots)) == 0
end

@testset "elimination for a pattern" begin
    n = 9
    J = -(I + zeros(n, n)) .* (1:n)
    J[1, :] .= 0.5      # an arrow, which fills up when its tip goes first
    J[:, 1] .= -0.3
    J[4, 7] = 2.0
    e = elimination(n, findall(!=(0), vec(J)))
    b, a = numbers(n, 2), 1.7
    W, x = a * I - J, copy(b)
    e.factor!(W)
    e.solve!(x, W)
    @test x ≈ (a * I - J) \ b rtol = 1e-13
    r, s = zeros(n), zeros(n)
    @test is_solution(r, s, a, J, x, b)
    @test !is_solution(r, s, a, J, (1 + 1e-8) .* x, b)
    @test count(!=(0), W) == count(!=(0), J)    # not in that order
    # a small pivot spoils it, and that is seen
    J[9, 9], J[9, 1], J[1, 9] = a - 1e-13, 1.0, 1.0
    W, x = a * I - J, copy(b)
    e.factor!(W)
    e.solve!(x, W)
    @test !is_solution(r, s, a, J, x, b)
    @test !is_solution(r, s, a, J, fill(NaN, n), b)
    @test elimination(3, Int[]) === nothing
    @test elimination(60, collect(1:3600)) === nothing
end

# slow and fast oscillators in a chain, some of which want their rows exchanged; `entries` may be told
chain(entries) = """
const SIZES = (6, 0, 1)
const NETWORKS = []
const USES = Int[]
const M = [0 1 0 0 0 0; -1 -0.1 0.3 0 0 0; 0 0 0 1e4 0 0; 0 0.5 -1e4 -100 0 0; 0 0 0 1 -1e3 0; 1 0 0 0 0 -0.2]
$entries
rhs!(du, u, p, t, q, c) = (for i in 1:6 du[i] = q[1] * sin(3t) + sum(M[i, j] * u[j] for j in 1:6) - u[i]^3 end; nothing)
jac!(J, u, p, t, q, c) = (J .= M; for i in 1:6 J[i, i] -= 3 * u[i]^2 end; nothing)
tgrad!(dT, u, p, t, q, c) = (fill!(dT, q[1] * 3cos(3t)); nothing)
vjp!(g, v, u, p, t, q, c) = (fill!(g, 0.0); nothing)
vjp_p!(g, v, u, p, t, q, c) = nothing
"""
const ENTRIES_OF_CHAIN = "const ENTRIES = findall(!=(0), vec(M + [i == j for i in 1:6, j in 1:6]))"

@testset "steps of Tsit5" begin
    source, u0, q, h = chain(""), [1.0, 0.0, 0.5, 0.0, 1.0, 0.3], [0.4], 1e-4
    model, tol = load_model(source), PySymUDE.Tolerances(1e-2, fill(1e3, 6), 10)
    copyto!(model.q, q)
    sol = solve(problem(source, u0, (0, h), Float64[], q, Float64[]), Tsit5(); adaptive = false, dt = h)
    m = PySymUDE.March(model, EXPLICIT)
    copyto!(m.u, u0)
    PySymUDE.derivatives!(m, Float64[], 0.0)
    @test isfinite(PySymUDE.attempt!(m, Float64[], 0.0, h, tol))
    @test m.next ≈ sol.u[end] rtol = 1e-13
    out = zeros(6)
    PySymUDE.inside!(out, m, 0.37, h)
    @test out ≈ sol(0.37h) rtol = 1e-12
    @test !(out ≈ sol(0.371h))
    # the fastest oscillation of this system has the frequency 1e4
    @test 0.2 < PySymUDE.reach(m, h) < 5
    # as many steps as OrdinaryDiffEq takes, more or less
    count(algorithm) = solve_batch(
        model, algorithm, 1, [0.0], reshape(u0, 6, 1), [0.4;;], [0.0; 0.05;;], Float64[], Float64[], 1e-6, 1e-6, 10^5,
    )[3][2]
    prob = problem(source, u0, (0, 0.05), Float64[], q, Float64[])
    steps = solve(prob, Tsit5(); reltol = 1e-6, abstol = 1e-6).stats.naccept
    @test 0.8steps < count("Tsit5") < 1.2steps
end

@testset "steps of Rodas5P, $(isempty(entries) ? "dense" : "by elimination")" for entries in ("", ENTRIES_OF_CHAIN)
    source, u0, q = chain(entries), [1.0, 0.0, 0.5, 0.0, 1.0, 0.3], [0.4]
    # each is OrdinaryDiffEq's, its dense output too
    model, tol = load_model(source), PySymUDE.Tolerances(1e-2, fill(1e3, 6), 10)
    @test (PySymUDE.March(model, IMPLICIT).exact === nothing) == isempty(entries)
    copyto!(model.q, q)
    for h in (1e-5, 1e-2, 0.3)
        sol = solve(problem(source, u0, (0, h), Float64[], q, Float64[]), Rodas5P(); adaptive = false, dt = h)
        m = PySymUDE.March(model, IMPLICIT)
        copyto!(m.u, u0)
        PySymUDE.derivatives!(m, Float64[], 0.0)
        @test isfinite(PySymUDE.attempt!(m, Float64[], 0.0, h, tol))
        @test m.next ≈ sol.u[end] rtol = 1e-11
        out = zeros(6)
        PySymUDE.within_step!(out, 0.37, m.u, m.next, m.k)
        @test out ≈ sol(0.37h) rtol = 1e-11
        @test !(out ≈ sol(0.371h))
    end
    # small pivots make the elimination inaccurate, which is seen: the step then exchanges rows
    if !isempty(entries)
        m = PySymUDE.March(model, IMPLICIT)
        copyto!(m.u, u0)
        PySymUDE.derivatives!(m, Float64[], 0.0)
        a = 1 / (0.3 * RODAS5P_TABLEAU.gamma)
        for i in 1:4
            m.J[i, i] = a - 1e-14
        end
        b = numbers(6, 1)
        copyto!(m.x, b)
        @test !PySymUDE.eliminate!(m, m.exact, 0.3)
        @test m.x == b
        PySymUDE.attempt!(m, Float64[], 0.0, 0.3, tol)
        @test (a * I - m.J) * m.k[:, 1] ≈ m.f0 + 0.3 * RODAS5P_TABLEAU.d[1] * m.tgrad rtol = 1e-9
    end
    # the tolerance is what rules
    times = [0.0, 0.7, 2.0, 5.0]
    run(reltol) = solve_batch(
        model, "Rodas5P", 1, [0.0], reshape(u0, 6, 1), [0.4;;], reshape(times, 4, 1), Float64[], Float64[],
        reltol, reltol, 10^5,
    )
    good = solve(
        problem(source, u0, (0, 5), Float64[], q, Float64[]), Vern9(); reltol = 1e-12, abstol = 1e-12, saveat = times,
    )
    exact = reduce(hcat, good.u)
    between = solve(problem(source, u0, (0, 5), Float64[], q, Float64[]), Vern9(); reltol = 1e-12, abstol = 1e-12)
    tight = PySymUDE.Tolerances(1e-8, fill(1e-8, 6), 10^5)
    path = march_path!(PySymUDE.Steps(), model, IMPLICIT, u0, 0.0, 5.0, Float64[], tight)
    @test all(t -> maximum(abs, path(t) - between(t)) < 3e-7, range(0.0, 5.0, 101))
    @test path(5.0) == path.u[end]
    errors = [maximum(abs, run(tol)[1][:, :, 1] .- exact) for tol in (1e-4, 1e-6, 1e-8)]
    @test all(errors .< 30 .* [1e-4, 1e-6, 1e-8])
    @test errors[1] > 5errors[2] > 25errors[3]
    # far fewer steps than with the control that OrdinaryDiffEq has for this method
    prob = problem(source, u0, (0, 5), Float64[], q, Float64[])
    @test run(1e-6)[3][1] < solve(prob, Rodas5P(); reltol = 1e-6, abstol = 1e-6).stats.naccept
end

# y relaxes fast to 5 x: off the diagonal stands the largest entry of its row and of its column
const FAST = replace(
    SYSTEM, "+ c[1].outputs[2]\n" => "+ c[1].outputs[2] - 1e3 * (u[2] - 5 * u[1])\n",
    "J[2, 1] = " => "J[2, 1] = 5e3 + ", "J[2, 2] = " => "J[2, 2] = -1e3 + ",
    "g[1] = " => "g[1] = 5e3 * v[2] + ", "g[2] = " => "g[2] = -1e3 * v[2] + ",
) * """
function rhs_pull!(gu, gp, v, u, p, t, q, c)
    forward!(c[1], p, u[1], u[2])
    pullback!(c[1], gp, p, v[1], v[2])
    gu[1] += q[1] * v[1] + c[1].inputs[1] + 5e3 * v[2]
    gu[2] += -q[2] * v[2] + c[1].inputs[2] - 1e3 * v[2]
    return nothing
end
function jac_pull!(gu, gp, M, u, p, t, q, c)
    jacobian!(c[1], p, u[1], u[2])
    jacobian_pullback!(c[1], gp, p, M[1, 1], M[2, 1], M[1, 2], M[2, 2])
    gu[1] += c[1].inputs[1]
    gu[2] += c[1].inputs[2]
    return nothing
end
tgrad_pull!(gu, gp, v, u, p, t, q, c) = nothing
"""

@testset "back through Rodas5P where rows are exchanged" begin
    l = loss("Rodas5P", "adjoint"; system = FAST, reltol = 1e-7)
    @test l.sensealg == :discrete
    g = gradient(l)
    J = reshape(l.steps[1].J, 2, 2, :)
    count = size(J, 3)
    @test length(l.steps[1].k) == 8 * 2 * count
    @test lu(I * count / RODAS5P_TABLEAU.gamma - J[:, :, end]).p == [2, 1]
    theta, other = copy(l.theta), loss("Rodas5P", "forward"; system = FAST, reltol = 1e-12)
    expected = [difference(th -> at(other, th), theta, k; h = 1e-2) for k in eachindex(theta)]
    @test relative(g, expected) < 1e-5
    @test relative(g .* (1 + 3e-5), expected) > 1e-5
    # nothing of an evaluation stays for the next
    @test gradient(l) == g
end

# becomes stiff at t = 1 or so, and mild again at 3
const BUMP = """
const SIZES = (1, 2, 0)
const NETWORKS = []
const USES = Int[]
rate(t, p) = 1 + p[1] * exp(-8 * (t - 2)^4)
rhs!(du, u, p, t, q, c) = (du[1] = -rate(t, p) * (u[1] - sin(t)) + p[2]; nothing)
jac!(J, u, p, t, q, c) = (J[1, 1] = -rate(t, p); nothing)
tgrad!(dT, u, p, t, q, c) = (dT[1] = 32 * (t - 2)^3 * (rate(t, p) - 1) * (u[1] - sin(t)) + rate(t, p) * cos(t); nothing)
vjp!(g, v, u, p, t, q, c) = (g[1] = -rate(t, p) * v[1]; nothing)
vjp_p!(g, v, u, p, t, q, c) = (g[1] = -(rate(t, p) - 1) / p[1] * (u[1] - sin(t)) * v[1]; g[2] = v[1]; nothing)
function rhs_pull!(gu, gp, v, u, p, t, q, c)
    gu[1] -= rate(t, p) * v[1]
    gp[1] -= (rate(t, p) - 1) / p[1] * (u[1] - sin(t)) * v[1]
    gp[2] += v[1]
    return nothing
end
jac_pull!(gu, gp, M, u, p, t, q, c) = (gp[1] -= (rate(t, p) - 1) / p[1] * M[1, 1]; nothing)
function tgrad_pull!(gu, gp, v, u, p, t, q, c)
    r = rate(t, p) - 1
    gu[1] += 32 * (t - 2)^3 * r * v[1]
    gp[1] += (32 * (t - 2)^3 * r / p[1] * (u[1] - sin(t)) + r / p[1] * cos(t)) * v[1]
    return nothing
end
"""
const ITSELF = """
const USES = Int[]
observe!(y, u, p, t, q, c) = (copyto!(y, u); nothing)
pull!(gu, gp, v, u, p, t, q, c) = (gu .+= v; nothing)
"""
single(system, u0, ts, theta; algorithm = "auto", sensealg = "adjoint", reltol = 1e-9, keywords...) = let n = length(u0), T = length(ts)
    made = Loss(
        load_model(system), ITSELF; algorithm, sensealg, t0 = [ts[1]], u0 = reshape(u0, n, 1), q = zeros(0, 1),
        ts = reshape(ts, T, 1), y = 0.3 * ones(n, T, 1), weight = ones(n, T, 1), u0_index = zeros(Int, n, 1),
        positive = falses(n), mix = Matrix(1.0I, n, n), link = [0], link_weight = ones(n),
        law_weight = zeros(0, T, 1), anchor = zeros(T, 1), reltol, abstol = reltol, maxiters = 100_000,
        scalings = Float64[], size_of_theta = length(theta), keywords...,
    )
    copyto!(made.theta, theta)
    made
end

@testset "there and back between methods" begin
    theta, ts = [1e5, 0.4], collect(range(0.0, 6.0, 25))
    l = single(BUMP, [0.2], ts, theta)
    g = copy(gradient(l))
    methods = l.steps[1].method
    @test methods[1] == methods[end] == EXPLICIT && IMPLICIT in methods
    tight = single(BUMP, [0.2], ts, theta; algorithm = "Rodas5P", reltol = 1e-12)
    expected = [difference(th -> at(tight, th), theta, k; h = 1e-4 * theta[k]) for k in 1:2]
    @test all(isapprox.(g, expected; rtol = 1e-5))
    @test gradient(single(BUMP, [0.2], ts, theta; sensealg = "forward")) ≈ g rtol = 1e-10
    fewer = [single(BUMP, [0.2], ts, theta; algorithm, reltol = 1e-6) for algorithm in ("auto", "Tsit5")]
    foreach(l -> evaluate!(l, false), fewer)
    @test 10 * fewer[1].out[4] < fewer[2].out[4]
end

# x'' = -g with a drag that sets in below a height that is learned, and a push until a time that is learned
const SWITCHED = """
const SIZES = (2, 2, 0)
const NETWORKS = []
const USES = Int[]
const TIME_ONLY = Bool[false, true]
rhs!(du, u, p, t, q, c) = (du[1] = u[2]; du[2] = -1 - ifelse(q[1] < 0, u[2], 0.0) + ifelse(q[2] > 0, 1.5, 0.0); nothing)
jac!(J, u, p, t, q, c) = (fill!(J, 0.0); J[1, 2] = 1.0; J[2, 2] = ifelse(q[1] < 0, -1.0, 0.0); nothing)
tgrad!(dT, u, p, t, q, c) = (fill!(dT, 0.0); nothing)
vjp!(g, v, u, p, t, q, c) = (g[1] = 0.0; g[2] = v[1] - ifelse(q[1] < 0, v[2], 0.0); nothing)
vjp_p!(g, v, u, p, t, q, c) = (fill!(g, 0.0); nothing)
rhs_pull!(gu, gp, v, u, p, t, q, c) = (gu[2] += v[1] - ifelse(q[1] < 0, v[2], 0.0); nothing)
jac_pull!(gu, gp, M, u, p, t, q, c) = nothing
tgrad_pull!(gu, gp, v, u, p, t, q, c) = nothing
conditions!(g, u, p, t, q, c) = (g[1] = u[1] - p[1]; g[2] = p[2] - t; nothing)
conditions_pull!(gu, gp, v, u, p, t, q, c) = (gu[1] += v[1]; gp[1] -= v[1]; gp[2] += v[2]; gu[3] -= v[2]; nothing)
"""

@testset "conditions, $algorithm, $sensealg" for algorithm in ("auto", "Tsit5", "Rodas5P"), sensealg in ("adjoint", "forward")
    theta, ts, start = [0.8, 0.537], collect(range(0.0, 3.0, 13)), [1.0, 0.1]
    l = single(SWITCHED, start, ts, theta; algorithm, sensealg)
    g = copy(gradient(l))
    @test length(l.steps[1].events) == 2
    # by hand: until t1 uphill with 0.5, then downhill with -1 until the height is met, then -1 - v
    function states(theta, t)
        h, t1 = theta
        x1, v1 = start[1] + start[2] * t1 + t1^2 / 4, start[2] + t1 / 2
        fall = v1 + sqrt(v1^2 + 2 * (x1 - h))
        t <= t1 && return [start[1] + start[2] * t + t^2 / 4, start[2] + t / 2]
        s = t - t1
        s <= fall && return [x1 + v1 * s - s^2 / 2, v1 - s]
        v2, s = v1 - fall, s - fall
        return [h - s + (v2 + 1) * (1 - exp(-s)), -1 + (v2 + 1) * exp(-s)]
    end
    value(theta) = sum(t -> sum(abs2, states(theta, t) .- 0.3), ts)
    @test l.out[1] ≈ value(theta) rtol = 1e-8
    @test g ≈ [difference(value, theta, k; h = 1e-3) for k in 1:2] rtol = 1e-7
    # other solvers stop at the times that are known
    other = single(SWITCHED, start, ts, theta; algorithm = "Vern9")
    evaluate!(other, false)
    @test other.out[1] ≈ value(theta) rtol = 1e-6
end

@testset "a condition that both sides lead back to" begin
    source = replace(
        SWITCHED, r"rhs!\(.*" => "rhs!(du, u, p, t, q, c) = (du[1] = -q[1]; du[2] = 0.0; nothing)"; count = 1,
    )
    l = single(source, [1.0, 0.0], [0.0, 3.0], [0.8, 0.5])
    evaluate!(l, true)
    @test CODES[Int(l.out[l.at.codes[1]])+1] == :Chattering
end

@testset "bounds of steps" begin
    run(; more...) = (l = single(BUMP, [0.2], [0.0, 6.0], [1.0, 0.4]; algorithm = "Tsit5", reltol = 1e-3, more...); evaluate!(l, false); l)
    @test run().out[4] < 30
    @test run(; dtmax = 0.01).out[4] >= 600
    @test 1.2345 in PySymUDE.forward(run(; tstops = [1.2345]), 1, [0.2;;], [1.0, 0.4], true).t
    # a tolerance a state
    loose = solve_batch(
        load_model(SWITCHED), "Tsit5", 1, [0.0], [1.0; 0.1;;], zeros(0, 1), [0.0; 3.0;;], [0.8, 0.5], Float64[],
        1e-12, [1.0, 1e-12], 10^4,
    )[3][1]
    tight = solve_batch(
        load_model(SWITCHED), "Tsit5", 1, [0.0], [1.0; 0.1;;], zeros(0, 1), [0.0; 3.0;;], [0.8, 0.5], Float64[],
        1e-12, [1e-12, 1e-12], 10^4,
    )[3][1]
    @test loose <= tight
end

@testset "a gradient that is not finite" begin
    root = replace(ITSELF, "copyto!(y, u)" => "y .= sqrt.(p[1])", "gu .+= v" => "gp[1] += sum(v) / (2 * sqrt(p[1]))")
    l = Loss(
        load_model(BUMP), root; algorithm = "auto", sensealg = "adjoint", t0 = [0.0], u0 = [0.2;;], q = zeros(0, 1),
        ts = [0.0; 1.0;;], y = ones(1, 2, 1), weight = ones(1, 2, 1), u0_index = [0;;], positive = [false],
        mix = [1.0;;], link = [0], link_weight = [1.0], law_weight = zeros(0, 2, 1), anchor = zeros(2, 1),
        reltol = 1e-6, abstol = 1e-6, maxiters = 1000, scalings = Float64[], size_of_theta = 2,
    )
    copyto!(l.theta, [0.0, 0.1])
    evaluate!(l, true)
    @test isfinite(l.out[1])
    @test CODES[Int(l.out[l.at.codes[1]])+1] == :GradientNotFinite
end

@testset "ties of multiple shooting" begin
    l = loss("Vern9", "adjoint")
    evaluate!(l, false)
    u, codes, _ = solve_batch(
        l.model, "Vern9", 1, l.t0, MIX * initial_states(l), l.q, l.ts, l.theta, SCALINGS, 1e-12, 1e-12, 10^5,
    )
    gap = u[:, end, 1] .- (MIX * initial_states(l))[:, 2]
    @test l.out[3] ≈ sum(abs2, [0.7, 1.3] .* gap) rtol = 1e-8
    @test l.out[1] ≈ l.out[2] + l.out[3] + l.out[only(l.at.laws)] rtol = 1e-14
    drift = sum(1:2) do e
        law = u[1, :, e] .+ l.theta[27] .* u[2, :, e] .^ 2
        sum(abs2, l.law_weight[1, :, e] .* (law .- l.anchor[:, e]' * law))
    end
    @test l.out[only(l.at.laws)] ≈ drift rtol = 1e-8
    @test l.out[3] > 0.01
    fill!(l.link, 0)
    evaluate!(l, false)
    @test l.out[3] == 0
end

@testset "sums of squares at points" begin
    states, q = reshape(0.5 .+ numbers(10, 3), 2, 5), 1.5 .+ 0.1 .* reshape(numbers(10, 6), 2, 5)
    residual, point, expression = [1, 1, 2, 3, 3, 3], [1, 2, 2, 3, 4, 5], [1, 2, 2, 1, 1, 2]
    factor, target = numbers(6, 7), numbers(3, 4)
    s = Samples(
        load_model(SYSTEM), OBSERVATION, collect(0.0:4.0), states, q, residual, point, expression, factor,
        target, SCALINGS, 28,
    )
    theta = 0.5 .* numbers(28, 5)
    g = (copyto!(s.theta, theta); evaluate!(s, true); s.out[s.at.gradient])
    value(th) = (copyto!(s.theta, th); evaluate!(s, false); s.out[1])
    expected = [difference(value, theta, k) for k in eachindex(theta)]
    @test relative(g, expected) < 1e-8
    @test relative(1.0001 .* g, expected) > 1e-8
    @test g[28] == 0   # an initial state, which points do not read

    r = -target
    for j in 1:6
        x, y = states[:, point[j]]
        r[residual[j]] += factor[j] * (expression[j] == 1 ? x * y : x + theta[27] * y^2)
    end
    @test value(theta) ≈ sum(abs2, r) rtol = 1e-14
end

# u' = q f(u, t): systems that end in one way or another
const SLOPES = Dict("-u[1]" => "-1.0", "u[1] * u[1]" => "2 * u[1]", "sqrt_(-u[1])" => "0.0")
scalar(f) = """
const SIZES = (1, 0, 1)
const NETWORKS = []
const USES = Int[]
rhs!(du, u, p, t, q, c) = (du[1] = q[1] * ($f); nothing)
jac!(J, u, p, t, q, c) = (J[1, 1] = q[1] * ($(SLOPES[f])); nothing)
tgrad!(dT, u, p, t, q, c) = (dT[1] = 0.0; nothing)
vjp!(g, v, u, p, t, q, c) = (fill!(g, 0.0); nothing)
vjp_p!(g, v, u, p, t, q, c) = nothing
"""
ending(f, times; maxiters = 1000, rate = 1.0, algorithm = "Tsit5") = solve_batch(
    load_model(scalar(f)), algorithm, 1, [0.0], ones(1, 1), fill(rate, 1, 1), reshape(times, :, 1),
    Float64[], Float64[], 1e-6, 1e-8, maxiters,
)

@testset "outcomes of $algorithm are codes" for algorithm in ("auto", "Tsit5", "Rodas5P")
    name(result) = CODES[only(result[2])+1]
    times = [0.0, 0.5, 1.5, 1.5]
    run(f, times; maxiters = 1000) = ending(f, times; maxiters, algorithm)
    u, _, stats = good = run("-u[1]", times)
    @test name(good) == :Success
    @test vec(u) ≈ exp.(-times) rtol = 1e-5
    @test stats[1] == stats[2] + stats[3] > 0
    @test name(run("-u[1]", times; maxiters = 3)) == :MaxIters
    @test name(run("u[1] * u[1]", times)) in (:Unstable, :DtLessThanMin)
    @test name(run("sqrt_(-u[1])", times)) == :InitialFailure
    # what was reached stays, the rest is NaN
    u, codes, _ = run("u[1] * u[1]", times)
    @test u[1:2] ≈ [1.0, 2.0] rtol = 1e-5
    @test all(isnan, u[3:4])
    # an experiment without duration is its start
    u, codes, stats = run("-u[1]", [0.0, 0.0])
    @test vec(u) == [1.0, 1.0]
    @test only(codes) == 0 && all(iszero, stats)
end

@testset "$sensealg gradient" for sensealg in ("gauss", "quadrature", "interpolating", "backsolve")
    @test relative(gradient(loss("Tsit5", sensealg)), reference) < 1e-6
end

@testset "a solver that is not there" begin
    @test_throws "algorithm Tsit6 is unknown" PySymUDE.algorithm("Tsit6")
end

const BATCH = (
    zeros(50), [range(0.5, 1.0, 50)'; fill(2.0, 1, 50)], [range(1.0, 1.5, 50)'; fill(1.8, 1, 50)],
    repeat([0.5, 1.0], 1, 50), 0.5 .* numbers(27, 5), SCALINGS, 1e-6, 1e-8, 10_000,
)

@testset "threads do not change numbers" begin
    model = load_model(SYSTEM)
    u, codes, stats = solve_batch(model, "Tsit5", 1, BATCH...)
    @test all(iszero, codes)
    @test length(unique(u[1, 2, :])) == 50
    for threads in (2, 7, 64)
        @test solve_batch(model, "Tsit5", threads, BATCH...) == (u, codes, stats)
    end
end

@testset "events" begin
    source = """
    const USES = Int[]
    observe!(y, u, p, t, q, c) = (y[1] = t - 0.3; y[2] = 0.7 - t; y[3] = t - 0.9; nothing)
    """
    u, codes, stats, sizes, which, times, states = solve_events(
        load_model(SYSTEM), source, "Tsit5", [0, 1, -1], [false, true, true], BATCH...,
    )
    @test codes[1] == 0
    @test which == [0]
    @test times ≈ [0.3]
    @test size(states) == (2, 1)
    u, codes, stats, sizes, which, times, states = solve_events(
        load_model(SYSTEM), source, "Rodas5P", [0, -1, 1], [false, true, true], BATCH...,
    )
    @test PySymUDE.CODES[codes[1]+1] == :Terminated
    @test which == [0, 1]
    @test times ≈ [0.3, 0.7]
    @test all(isfinite, u[:, 1, 1]) && all(isnan, u[:, 2, 1])
end

@testset "a failed loss with $sensealg" for sensealg in ("adjoint", "forward")
    l = loss("Tsit5", sensealg; blow_up = true)
    evaluate!(l, true)
    @test l.out[l.at.codes[1]] != 0
    @test l.out[l.at.codes[2]] == 0
    @test isnan(l.out[1])
    @test all(isnan, l.out[l.at.gradient])
end

@testset "problems own what they read" begin
    theta = 0.5 .* numbers(27, 5)
    make(q) = problem(SYSTEM, [0.5, 2.0], (0, 2), theta, q, SCALINGS)
    arrive(p, algorithm) = solve(p, algorithm; reltol = 1e-10, abstol = 1e-10).u[end]
    a, b = make([1.3, 1.8]), make([0.2, 0.3])
    first, second = arrive(a, Vern9()), arrive(b, Vern9())
    @test relative(first, second) > 0.1
    @test arrive(a, Vern9()) == first
    loss("Tsit5", "adjoint") |> l -> evaluate!(l, false)
    @test arrive(a, Vern9()) == first
    # dual numbers, the default of these two, are not asked for: the Jacobian is given
    @test arrive(a, Rodas5P()) ≈ first rtol = 1e-8
    @test arrive(a, AutoTsit5(Rosenbrock23())) ≈ first rtol = 1e-8
    @test relative(arrive(remake(a; p = 2 .* theta), Vern9()), first) > 0.01
    u, codes, _ = solve_batch(
        load_model(SYSTEM), "Vern9", 1, [0.0], [0.5; 2.0;;], [1.3; 1.8;;], [0.0; 2.0;;], theta, SCALINGS,
        1e-10, 1e-10, 10^5,
    )
    @test u[:, end, 1] ≈ first rtol = 1e-9
end

struct Fixed <: SciMLBase.AbstractODEAlgorithm end
SciMLBase.isadaptive(::Fixed) = false

@testset "algorithms of the caller's own" begin
    @test adopt!(Rodas5P()) == "Rodas5P()"
    @test adopt!(Rodas5P()) == "Rodas5P()"
    @test adopt!(AutoTsit5(Rosenbrock23())) == "CompositeAlgorithm(Tsit5(), Rosenbrock23())"
    # its own dual numbers would fail in the reverse problem
    g = gradient(loss("Rodas5P()", "adjoint"))
    @test relative(g, reference) < 1e-6
    @test adopt!(Rodas5P(; max_jac_age = 3)) == "Rodas5P(max_jac_age=3)"
    @test objection(Tsit5()) == ""
    @test occursin("call it: Tsit5()", objection(Tsit5))
    @test occursin("fixed step", objection(Fixed()))
    @test occursin("Int64", objection(5))
end

@testset "nothing is allocated" begin
    f = load_model(SYSTEM).f
    u, du, v, J, g, theta = [0.5, 2.0], zeros(2), [1.0, -2.0], zeros(2, 2), zeros(27), numbers(27, 5)
    bytes(f, args...) = (f(args...); @allocated f(args...))
    @test bytes(f.f, du, u, theta, 0.0) == 0
    @test bytes(f.jac, J, u, theta, 0.0) == 0
    @test bytes(f.vjp, du, v, u, theta, 0.0) == 0
    @test bytes(f.vjp_p, g, v, u, theta, 0.0) == 0
end
