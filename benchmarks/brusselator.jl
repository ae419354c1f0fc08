# The same problem as one writes it in Julia: a loop, the pattern of its Jacobian, ForwardDiff in colours.

module Brusselator

using OrdinaryDiffEqBDF: FBDF, QNDF
using OrdinaryDiffEqSDIRK: KenCarp4, TRBDF2
using SciMLBase: ODEFunction, ODEProblem, solve
using SparseArrays: sparse

source(x, y, t) = ((x - 0.3)^2 + (y - 0.6)^2 <= 0.1^2) * (t >= 1.1) * 5.0

function rhs!(du, u, p, t)
    A, B, diffusion = p
    N = size(u, 1)
    scale = diffusion * (N - 1)^2
    @inbounds for j in 1:N, i in 1:N
        left, right, below, above = mod1(i - 1, N), mod1(i + 1, N), mod1(j - 1, N), mod1(j + 1, N)
        a, b = u[i, j, 1], u[i, j, 2]
        x, y = (i - 1) / (N - 1), (j - 1) / (N - 1)
        around = u[left, j, 1] + u[right, j, 1] + u[i, below, 1] + u[i, above, 1]
        du[i, j, 1] = B + a^2 * b - (A + 1) * a + scale * (around - 4a) + source(x, y, t)
        around = u[left, j, 2] + u[right, j, 2] + u[i, below, 2] + u[i, above, 2]
        du[i, j, 2] = A * a - a^2 * b + scale * (around - 4b)
    end
end

function pattern(N)
    I, J = Int[], Int[]
    at = LinearIndices((N, N, 2))
    for k in 1:2, j in 1:N, i in 1:N
        near = ((i, j), (mod1(i - 1, N), j), (mod1(i + 1, N), j), (i, mod1(j - 1, N)), (i, mod1(j + 1, N)))
        append!(I, fill(at[i, j, k], 6))
        append!(J, [[at[a, b, k] for (a, b) in near]; at[i, j, 3-k]])
    end
    return sparse(I, J, 1.0, 2N^2, 2N^2)
end

const ALGORITHMS = Dict("FBDF" => FBDF(), "QNDF" => QNDF(), "KenCarp4" => KenCarp4(), "TRBDF2" => TRBDF2())

# u0: (N, N, 2); the state at t1
function run(algorithm, u0, t1, reltol, abstol)
    f = ODEFunction(rhs!; jac_prototype = pattern(size(u0, 1)))
    prob = ODEProblem(f, Array{Float64}(u0), (0.0, t1), (3.4, 1.0, 10.0))
    sol = solve(prob, ALGORITHMS[algorithm]; reltol, abstol, save_everystep = false)
    return sol.u[end]
end

end
