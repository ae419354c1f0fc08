# Loss and gradient of a universal differential equation, exported by pysymude.
# It needs: using Pkg; Pkg.add(["SciMLBase", "OrdinaryDiffEq", "ForwardDiff"])

using OrdinaryDiffEq
using ForwardDiff
using LinearAlgebra: norm
using SciMLBase: successful_retcode

# The network nn: 2 inputs, hidden layers 4 (tanh), 1 output.
# Its weights are theta[1:17]: for each layer the matrix by rows, then the bias.
function nn(theta, inputs...)
    z = [inputs...]
    z = reshape(theta[1:8], 2, 4)' * z .+ theta[9:12]
    z = tanh.(z)
    z = reshape(theta[13:16], 4, 1)' * z .+ theta[17:17]
    return z
end

# The right-hand side du/dt = f(u, theta, t); `fixed` are the parameters not learned.
function rhs!(du, u, theta, t, fixed)
    x, y = u
    (; k) = fixed
    nn_out = nn(theta, x, y)
    du[1] = -k*x*y + 1.3*x    # dx/dt
    du[2] = -1.8*y + nn_out[1]    # dy/dt
    return nothing
end

# What the columns of the data measure.
function observe(u, theta, t, fixed)
    x, y = u
    return [
        x,    # x
        y,    # y
    ]
end

# The experiments. y: one row a time, NaN where nothing was measured; weight: 1 / noise.
const experiments = [
    (
        # 0
        fixed = (; k = 0.9),
        t0 = 0.0,
        u0 = theta -> [exp(theta[18]), exp(theta[19])],    # x, y
        t = [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0],
        y = [    # x, y
            0.50193 3.9974
            0.33533 2.7634
            0.26108 1.8735
            NaN 1.2729
            0.27813 0.82033
            0.33205 0.57437
            0.38894 0.39037
            0.52629 0.26281
            0.70749 0.19406
            0.95911 0.17093
            1.2776 0.14646
            1.7173 0.10985
            2.3517 NaN
        ],
        weight = [10.0 5.0],
    ),
    (
        # 1
        fixed = (; k = 0.7),
        t0 = 0.5,
        u0 = theta -> [1.5, exp(theta[20])],    # x, y
        t = [
            0.5, 0.78571, 1.0714, 1.3571,
            1.6429, 1.9286, 2.2143, 2.5,
        ],
        y = [    # x, y
            1.5196 1.022
            1.8249 0.8359
            2.2649 0.83466
            NaN 0.8783
            3.2898 1.03
            3.7481 1.3819
            3.8643 1.9733
            3.4912 NaN
        ],
        weight = [10.0 5.0],
    ),
    (
        # 2
        fixed = (; k = 1.1),
        t0 = 0.0,
        u0 = theta -> [1.0, 2.0],    # x, y
        t = [0.0, 0.1, 0.4, 1.1, 2.9],
        y = [    # x, y
            1.0062 1.9866
            0.9103 1.7412
            0.88108 1.3214
            NaN 0.62
            4.477 NaN
        ],
        weight = [10.0 5.0],
    ),
]

const reltol, abstol = 1e-10, 1e-10

# Steps are chosen by the values alone, so that derivatives are those of the numbers that are computed.
internalnorm(u::Number, t) = abs(ForwardDiff.value(u))
internalnorm(u, t) = sqrt(sum(abs2 ∘ ForwardDiff.value, u) / length(u))

# What experiment `e` would measure: one row a time, one column each. Inf where the solve fails.
function predict(theta, e)
    u0 = convert.(eltype(theta), e.u0(theta))
    f!(du, u, p, t) = rhs!(du, u, p, t, e.fixed)
    problem = ODEProblem(f!, u0, (e.t0, e.t[end]), theta)
    sol = solve(problem, Tsit5(); saveat = e.t, reltol, abstol, internalnorm)
    successful_retcode(sol) || return fill(oftype(u0[1], Inf), size(e.y))
    u = Array(sol)
    return reduce(hcat, [observe(u[:, i], theta, t, e.fixed) for (i, t) in enumerate(e.t)])'
end

misfit(weight, y, value) = isnan(y) ? zero(value) : abs2(weight * (y - value))

# The sum of all squared residuals, each in units of its noise.
loss(theta) = sum(sum(misfit.(e.weight, e.y, predict(theta, e))) for e in experiments)

# Forward mode: the derivatives travel with the solution.
gradient(theta) = ForwardDiff.gradient(loss, theta)

# The numbers that are learned, slice by slice.
theta = [
    # nn.W1, 4 x 2
    -0.04, -0.458,
    0.549, -0.412,
    0.322, 0.75,
    0.121, -0.352,
    # nn.b1, 4
    0.0, 0.0, 0.0, 0.0,
    # nn.W2, 1 x 4
    0.622, -0.299, 0.046, 0.279,
    # nn.b2, 1
    0.0,
    # u0[0].x, stands for a value in (0, Inf)
    -0.693,
    # u0[0].y, stands for a value in (0, Inf)
    1.386,
    # u0[1].y, stands for a value in (0, Inf)
    0.0,
]

if abspath(PROGRAM_FILE) == @__FILE__
    println("loss = ", loss(theta))
    println("norm of the gradient = ", norm(gradient(theta)))
end
