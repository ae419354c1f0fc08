# PythonCall brings methods that outdate compiled solvers, and compiles its conversions at their first use:
# what a first gradient from Python needs is compiled here, once for all.

module PySymUDEPythonCallExt

using PrecompileTools: @compile_workload
using PySymUDE: PySymUDE
using PythonCall: Py, pyconvert, pyimport

# the calls of the Python side, through Python
function call_from_python()
    np, jl = pyimport("numpy"), Py(PySymUDE)
    array(sizes...) = np.ones(sizes; order = "F")
    whole(sizes...) = np.ones(sizes; order = "F", dtype = "int64")
    model = Py(PySymUDE.load_model(PySymUDE.Example))
    source = Py(PySymUDE.Example)
    Py(@__MODULE__).seval("nothing")
    times, scalings = np.asarray([0.0, 0.5, 1.0]).reshape(3, 1), np.asarray([0.0, 1.0, 0.0, 1.0])
    none, start = array(0, 1), array(1, 1)
    jl.solve_batch(
        model, "Tsit5", 1, np.zeros(1), start, none, times, array(2), scalings, 1e-6, array(1),
        1000, Inf, np.zeros(0),
    )
    solves = jl.Repeated(
        model, "Tsit5", np.zeros(1), start, none, times, array(2), scalings, 1e-6, array(1),
        1000, Inf, np.zeros(0),
    )
    for values in (solves.batch.t0, solves.batch.u0, solves.results.u, solves.results.codes, solves.results.stats)
        np.asarray(values)
    end
    jl.release(jl.hold(solves))
    loss = jl.Loss(
        model, source; algorithm = "Tsit5", sensealg = "adjoint", t0 = np.zeros(1), u0 = start, q = none,
        ts = times, y = array(1, 3, 1), weight = array(1, 3, 1), u0_index = whole(1, 1),
        positive = np.zeros(1, dtype = "bool"), mix = array(1, 1), link = np.zeros(1, dtype = "int64"),
        link_weight = array(1), law_weight = array(0, 3, 1), anchor = array(3, 1), reltol = 1e-6,
        abstol = array(1), maxiters = 1000, scalings, size_of_theta = 2, dtmax = Inf, tstops = np.zeros(0),
    )
    np.asarray(loss.theta)
    np.asarray(loss.out)
    jl.release(jl.hold(loss))
    jl.entry()
    return nothing
end

@compile_workload begin
    PySymUDE.work("Tsit5", ("adjoint", "forward"))
    PySymUDE.work("Rodas5P", ("adjoint",))
    PySymUDE.work("auto", ("adjoint",))
    try
        call_from_python()
    catch
        # a Python without NumPy: nobody calls from there
    end
end

end
