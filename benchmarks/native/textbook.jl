# The textbook way, as in SciMLSensitivity's documentation: Lux, ComponentArrays, Zygote, and each of its
# adjoints. Prints one line of JSON. Arguments: a file that defines NAME, THETA, TS, U0, Y, WEIGHT,
# RELTOL, ABSTOL, ROUNDS, and one for the gradients: a line for each adjoint.

const started = time()
using OrdinaryDiffEq, SciMLSensitivity, Lux, ComponentArrays, Zygote, ReverseDiff, ForwardDiff
using ADTypes: AutoFiniteDiff
using Random: Xoshiro
using Statistics: median, quantile
const loaded = time() - started

include(ARGS[1])

const lotka_volterra = Chain(Dense(2, 5, tanh), Dense(5, 5, tanh), Dense(5, 5, tanh), Dense(5, 2))
const robertson = Chain(Dense(3, 4, tanh), Dense(4, 1))
const spiral = Chain(Dense(2, 50, tanh), Dense(50, 2))
const nn = (; lotka_volterra, robertson, spiral)[NAME]
const ps, st = Lux.setup(Xoshiro(1), nn)
const shift = [0.5, 1.8e-5, 0.5]

# the same weights as everywhere else: matrices by rows, then biases
function parameters(theta)
    p, offset = ComponentArray{Float64}(ps), 0
    for name in keys(ps)
        # by property: an index would copy
        W, b = getproperty(p, name).weight, getproperty(p, name).bias
        W .= permutedims(reshape(theta[offset+1:offset+length(W)], size(W, 2), size(W, 1)))
        offset += length(W)
        b .= theta[offset+1:offset+length(b)]
        offset += length(b)
    end
    return p
end
flat(p) = reduce(vcat, [[vec(permutedims(p[name].weight)); p[name].bias] for name in keys(ps)])

rhs(::Val{:lotka_volterra}, u, p, y) = [1.3u[1] + y[1], -1.8u[2] + y[2]]
rhs(::Val{:spiral}, u, p, y) = y
function rhs(::Val{:robertson}, u, p, y)
    slow, fast, back = u[1] * exp(log(0.04) + 0.2y[1]), 3e7u[2]^2, 1e4u[2] * u[3]
    return [-slow + back, slow - back - fast, fast]
end
inputs(::Val{:lotka_volterra}, u) = u
inputs(::Val{:spiral}, u) = u .^ 3
inputs(::Val{:robertson}, u) = (u .- shift) ./ shift

const which = Val(NAME)
ude(u, p, t) = rhs(which, u, p, first(nn(inputs(which, u), p, st)))
ude!(du, u, p, t) = (du .= ude(u, p, t); nothing)

const stiff = NAME == :robertson
const p0 = parameters(THETA)
const in_place = ODEProblem(ude!, U0, (TS[1], TS[end]), p0)
const out_of_place = ODEProblem(ude, U0, (TS[1], TS[end]), p0)

function loss(p, prob, alg, sensealg)
    u = Array(solve(prob, alg; p, saveat = TS, abstol = ABSTOL, reltol = RELTOL, sensealg))
    return sum(abs2, WEIGHT .* (u .- Y))
end
function loss_with_duals(p, alg)
    prob = remake(out_of_place; p, u0 = eltype(p).(U0))
    u = Array(solve(prob, alg; saveat = TS, abstol = ABSTOL, reltol = RELTOL))
    return sum(abs2, WEIGHT .* (u .- Y))
end

const alg = stiff ? Rodas5P() : Tsit5()
# an adjoint of an implicit method wants a time gradient, for which ForwardDiff does not serve
const reverse_alg = stiff ? Rodas5P(autodiff = AutoFiniteDiff()) : Tsit5()
zygote(prob, alg, sensealg) = p -> only(Zygote.gradient(p -> loss(p, prob, alg, sensealg), p))
const tape = ReverseDiffVJP(true)
const ways = [
    "ForwardDiff.gradient" => p -> ForwardDiff.gradient(p -> loss_with_duals(p, alg), p),
    "ForwardDiffSensitivity" => zygote(in_place, alg, ForwardDiffSensitivity()),
    "InterpolatingAdjoint, ReverseDiff" => zygote(in_place, reverse_alg, InterpolatingAdjoint(autojacvec = tape)),
    "QuadratureAdjoint, ReverseDiff" => zygote(in_place, reverse_alg, QuadratureAdjoint(autojacvec = tape)),
    "GaussAdjoint, ReverseDiff" => zygote(in_place, reverse_alg, GaussAdjoint(autojacvec = tape)),
    "InterpolatingAdjoint, Zygote" => zygote(out_of_place, reverse_alg, InterpolatingAdjoint(autojacvec = ZygoteVJP())),
]

function measure(f)
    start = time()
    f()
    cold = time() - start
    # what takes long is repeated less often
    once = min(@elapsed(f()), @elapsed(f()))
    rounds = once > 0.1 ? 3 : ROUNDS
    samples = [@elapsed(f()) for _ in 1:rounds]
    lower, middle, upper = 1e3 .* quantile(samples, (0.25, 0.5, 0.75))
    return "{\"cold s\": $cold, \"best ms\": $(1e3minimum(samples)), \"q1\": $lower, \"median\": $middle, \"q3\": $upper, \"rounds\": $rounds"
end

forward() = solve(in_place, alg; saveat = TS, abstol = ABSTOL, reltol = RELTOL)
rows = ["\"forward\": " * measure(forward) * "}"]
open(ARGS[2], "w") do file
    for (name, gradient) in ways
        try
            row = measure(() -> gradient(p0))
            println(file, join(flat(gradient(p0)), " "))
            push!(rows, "\"$name\": $row}")
        catch error
            text = replace(first(sprint(showerror, error), 120), r"[^ -~]" => " ", '"' => ''', '\\' => '/')
            println(file)
            push!(rows, "\"$name\": {\"failed\": \"$text\"}")
        end
    end
end
println("{\"load s\": $loaded, \"rows\": {", join(rows, ", "), "}}")
