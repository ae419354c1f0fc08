"""
    PySymUDE

Universal differential equations du/dt = f(u, p, t, nn(z(u, p, t))) from straight-line source: solves,
losses over many experiments, and their gradients by SciMLSensitivity's adjoints, in which every
derivative is written out beforehand, so that no differentiation package runs.

- [`MLP`](@ref): a network as data; [`call`](@ref) gives it memory, then it runs without allocation.
- [`Model`](@ref): the functions of a system behind types that are the same for every system, so that
  a solver is compiled once and serves them all.
- [`solve_batch`](@ref), [`solve_events`](@ref), [`Loss`](@ref), [`evaluate!`](@ref), [`Samples`](@ref).
- [`problem`](@ref), [`adopt!`](@ref): for solvers and algorithms that the caller brings.
"""
module PySymUDE

using ADTypes: AutoFiniteDiff
using Base.Cartesian: @nexprs
using FunctionWrappers: FunctionWrapper
using LinearAlgebra: BlasInt, LAPACK, dot, issuccess, lu!, mul!
using PrecompileTools: @compile_workload
using OrdinaryDiffEqCore: CompositeAlgorithm, OrdinaryDiffEqAlgorithm
using OrdinaryDiffEqRosenbrock: OrdinaryDiffEqRosenbrock, Rodas5P, Rodas5PTableau, Rosenbrock23
using OrdinaryDiffEqTsit5: OrdinaryDiffEqTsit5, Tsit5, Tsit5ConstantCacheActual, Tsit5Interp
using SciMLBase: SciMLBase, ODEFunction, ODEProblem, ReturnCode, solve
using SciMLLogging: SciMLLogging
using SparseArrays: SparseMatrixCSC, nonzeros, spzeros

export MLP, Model, Loss, Samples, adopt!, call, evaluate!, load_model, problem, solve_batch,
    solve_events

include("operations.jl")
include("networks.jl")
include("models.jl")
include("algorithms.jl")
include("marching.jl")
include("pacing.jl")
include("modes.jl")
include("paths.jl")
include("solving.jl")
include("losses.jl")
include("terms.jl")
include("samples.jl")
include("forward_mode.jl")
include("discrete.jl")
include("tsit5.jl")
include("rodas5p.jl")
include("forcing.jl")
include("tangents.jl")
include("linearising.jl")
include("jump_sweeps.jl")
include("entry.jl")
include("interop.jl")
include("workload.jl")

end
