# Loss and gradient of a universal differential equation, exported by pysymude.
# It needs: using Pkg; Pkg.add(["SciMLBase", "OrdinaryDiffEq", "ForwardDiff"])

using OrdinaryDiffEq
using ForwardDiff
using LinearAlgebra: norm
using SciMLBase: successful_retcode

# The network loss_: 1 input, hidden layers 2 (tanh), 1 output.
# Its weights are theta[1:7]: for each layer the matrix by rows, then the bias.
function loss_(theta, inputs...)
    z = [inputs...]
    z = reshape(theta[1:2], 1, 2)' * z .+ theta[3:4]
    z = tanh.(z)
    z = reshape(theta[5:6], 2, 1)' * z .+ theta[7:7]
    return z
end

# The trainable parameters: theta holds numbers without bounds, which stand for these.
function trainable_parameters(theta)
    nn_out = theta[8]
    return (; nn_out)
end

# The right-hand side du/dt = f(u, theta, t); `fixed` are the parameters not learned.
function rhs!(du, u, theta, t, fixed)
    theta_, end_, du_ = u
    (; exp_, function_, u_) = fixed
    (; nn_out) = trainable_parameters(theta)
    loss_out = loss_(theta, theta_)
    du[1] = -function_*theta_ + loss_out[1]    # dtheta/dt
    du[2] = exp_*exp(-end_)    # dend/dt
    du[3] = du_*nn_out*u_ - theta_    # ddu/dt
    return nothing
end

# What the columns of the data measure.
function observe(u, theta, t, fixed)
    theta_, end_, du_ = u
    return [
        theta_,    # theta
        end_,    # end
        du_,    # du
    ]
end

# The experiments. y: one row a time, NaN where nothing was measured; weight: 1 / noise.
const experiments = [
    (
        # 0
        fixed = (; exp_ = 0.7, function_ = 0.3, u_ = 0.2),
        t0 = 0.0,
        u0 = theta -> [0.0, 0.0, 1.0],    # theta, end, du
        t = [0.0, 0.33333, 0.66667, 1.0],
        y = [    # theta, end, du
            0.0 0.0 1.0
            0.33333 0.33333 1.3333
            0.66667 0.66667 1.6667
            1.0 1.0 2.0
        ],
        weight = [1.0 1.0 1.0],
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
    # loss.W1, 2 x 1
    1.234,
    -0.848,
    # loss.b1, 2
    0.0, 0.0,
    # loss.W2, 1 x 2
    -0.218, -0.293,
    # loss.b2, 1
    0.0,
    # nn_out
    0.4,
]

if abspath(PROGRAM_FILE) == @__FILE__
    println("loss = ", loss(theta))
    println("norm of the gradient = ", norm(gradient(theta)))
end
