# Gradients by carrying the derivatives of the states along, for solvers whose steps are not known here.

"""
    Tangents(model, starts) -> Tangents

The system together with its derivatives S by the first `starts` initial states and by theta:
u' = f, S' = J S + [0 df/dtheta]. The Jacobian of the whole is exact but for the derivatives of J S and
df/dtheta by u, which are differences: n evaluations of the right-hand side.
"""
struct Tangents
    model::Model
    starts::Int
    J::Mat
    unit::Vec
    row::Vec
    below::Mat       # the right-hand side at u, and at u moved: states and tangents
end

Tangents(model::Model, starts) = Tangents(
    model, starts, zeros(model.states, model.states), zeros(model.states), zeros(model.learned),
    zeros(model.states * (1 + starts + model.learned), 2),
)

function tangent_rhs!(dU::Vec, U::Vec, p::Vec, t::Float64, s::Tangents)
    (; model, J, unit, row) = s
    n, P = model.states, s.starts + model.learned
    u, du = U[1:n], zeros(n)
    model.f.f(du, u, p, t)
    copyto!(dU, du)
    model.f.jac(J, u, p, t)
    @inbounds for j in 1:P, i in 1:n
        sum = 0.0
        for k in 1:n
            # a slope may be infinite where nothing moves yet
            iszero(U[n*j+k]) || (sum += J[i, k] * U[n*j+k])
        end
        dU[n*j+i] = sum
    end
    for i in 1:n
        fill!(unit, 0.0)
        unit[i] = 1.0
        model.f.vjp_p(row, unit, u, p, t)
        for j in 1:model.learned
            dU[n*(s.starts+j)+i] += row[j]
        end
    end
    return nothing
end

function tangent_jac!(A::Mat, U::Vec, p::Vec, t::Float64, s::Tangents)
    n, P = s.model.states, s.starts + s.model.learned
    fill!(A, 0.0)
    moved, plus, minus = copy(U), s.below[:, 1], s.below[:, 2]
    for k in 1:n
        h = 6e-6 * max(abs(U[k]), 1e-6)
        moved[k] = U[k] + h
        tangent_rhs!(plus, moved, p, t, s)
        moved[k] = U[k] - h
        tangent_rhs!(minus, moved, p, t, s)
        moved[k] = U[k]
        A[:, k] .= (plus .- minus) ./ 2h
    end
    s.model.f.jac(s.J, U[1:n], p, t)
    for j in 0:P
        A[n*j+1:n*j+n, n*j+1:n*j+n] .= s.J
    end
    return nothing
end

"The root mean square of the first `n` entries."
struct LeadingNorm
    n::Int
end

(norm::LeadingNorm)(x::AbstractVector, t) = sqrt(sum(abs2, view(x, 1:norm.n)) / norm.n)
(norm::LeadingNorm)(x::Number, t) = abs(x)

"By how many initial states derivatives are wanted: by none where nothing of a start is learned."
learned_starts(loss::Loss, e) =
    any(>(0), view(loss.u0_index, :, e)) || any(>(0), loss.link) ? loss.model.states : 0

# the loss of experiment e with its solve, and the cotangents as its tangents give them
function solve_tangents(loss::Loss, e, start, p, alg)
    (; model, tolerances) = loss
    t0, t1 = loss.t0[e], loss.ts[end, e]
    n, starts = model.states, learned_starts(loss, e)
    s = Tangents(model, starts)
    size = n * (1 + starts + model.learned)
    U = zeros(size)
    U[1:n] .= start[:, e]
    for k in 1:starts
        U[n*k+k] = 1.0
    end
    f = ODEFunction{true,SciMLBase.FullSpecialize}(
        Rhs(Field4((dU, U, p, t) -> tangent_rhs!(dU, U, p, t, s)));
        jac = Jac(MatrixField((A, U, p, t) -> tangent_jac!(A, U, p, t, s))),
        jac_prototype = zeros(size, size),
    )
    prob = ODEProblem(f, U, (t0, t1), p)
    # steps as without tangents: then these are the derivatives of the numbers that were computed
    usual = keywords(tolerances, alg, model, start[:, e], p, t0, view(loss.ts, :, e))
    abstol = usual.abstol isa Vec ? repeat(usual.abstol, 1 + starts + model.learned) : usual.abstol
    return solve(prob, alg; usual..., abstol, internalnorm = LeadingNorm(n))
end

"""
    contract!(slopes, dtheta, loss, e, sol, times, cotangents) -> Nothing

As `adjoint!`, for a solution that carries its tangents.
"""
function contract!(slopes, dtheta, loss::Loss, e, sol, times, cotangents)
    n, starts = loss.model.states, learned_starts(loss, e)
    U = zeros(length(sol.u[1]))
    for (t, v) in zip(times, cotangents)
        copyto!(U, sol(t))
        for j in 1:starts, i in 1:n
            slopes[j, e] += v[i] * U[n*j+i]
        end
        for j in 1:loss.model.learned, i in 1:n
            dtheta[j] += v[i] * U[n*(starts+j)+i]
        end
    end
    return nothing
end
