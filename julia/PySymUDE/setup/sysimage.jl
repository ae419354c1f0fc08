# julia sysimage.jl SYSIMAGE PROJECT STATEMENTS: a system image that holds PySymUDE and PythonCall in
# the very versions of PROJECT's manifest. STATEMENTS is a file of precompile statements, or "".

using TOML: TOML

const HERE = dirname(@__DIR__)
const OWN = TOML.parsefile(joinpath(HERE, "Project.toml"))
# weak dependencies bring their extensions
const ROOTS = ["PySymUDE", "PythonCall", keys(get(OWN, "weakdeps", Dict()))...]

"""
    minimal_project(project, folder)

A project in `folder` with `ROOTS` and what they need out of the manifest of `project`: PackageCompiler
precompiles whatever the manifest lists.
"""
function minimal_project(project, folder)
    project_file = Base.env_project_file(project)
    manifest = TOML.parsefile(Base.project_file_manifest_path(project_file))
    entries = manifest["deps"]
    parts = ("uuid", "version", "deps", "weakdeps", "extensions")
    entries["PySymUDE"] = [Dict{String,Any}("path" => HERE, (k => OWN[k] for k in parts if haskey(OWN, k))...)]
    kept = closure(entries, ROOTS)
    for (_, found) in kept, entry in found
        # a list of names means that all are in the manifest, which need no longer be so
        weak = get(entry, "weakdeps", nothing)
        weak isa Vector && (entry["weakdeps"] = Dict(n => entries[n][1]["uuid"] for n in weak))
        haskey(entry, "path") && (entry["path"] = abspath(dirname(project_file), entry["path"]))
    end
    manifest["deps"] = kept
    delete!(manifest, "project_hash")
    write_toml(joinpath(folder, "Manifest.toml"), manifest)
    uuids = Dict(name => found[1]["uuid"] for (name, found) in kept)
    # preferences count for packages that the project names
    named = Dict("deps" => filter(in(ROOTS) ∘ first, uuids), "extras" => filter(!in(ROOTS) ∘ first, uuids))
    write_toml(joinpath(folder, "Project.toml"), named)
    write_toml(joinpath(folder, "LocalPreferences.toml"), preferences(project_file, keys(kept)))
    return folder
end

# PackageCompiler compiles all packages once more without machine code; their own workloads, which take
# nearly all the time of that, are for other uses than ours
function preferences(project_file, names)
    file = joinpath(dirname(project_file), "LocalPreferences.toml")
    chosen = isfile(file) ? TOML.parsefile(file) : Dict{String,Any}()
    for name in names
        name in ROOTS || (get!(Dict{String,Any}, chosen, name)["precompile_workload"] = false)
    end
    return chosen
end

function closure(entries, roots)
    kept, waiting = Dict{String,Any}(), copy(roots)
    while !isempty(waiting)
        name = pop!(waiting)
        haskey(kept, name) && continue
        kept[name] = entries[name]
        for entry in entries[name]
            needs = get(entry, "deps", String[])
            append!(waiting, needs isa Vector ? needs : keys(needs))
        end
    end
    return kept
end

write_toml(path, content) = open(io -> TOML.print(io, content), path, "w")

const SYSIMAGE, PROJECT, STATEMENTS = ARGS

Base.find_package("PackageCompiler") === nothing && error("PackageCompiler is not installed")
using PackageCompiler: create_sysimage

# PackageCompiler names its project by JULIA_LOAD_PATH, which this variable would overrule
delete!(ENV, "JULIA_PROJECT")

mktempdir() do folder
    create_sysimage(
        ROOTS;
        sysimage_path = SYSIMAGE,
        project = minimal_project(PROJECT, folder),
        precompile_statements_file = isempty(STATEMENTS) ? String[] : [STATEMENTS],
        incremental = true,
        include_transitive_dependencies = false,
        import_into_main = false,
        cpu_target = "native",
    )
end
