# julia sysimage.jl SYSIMAGE PROJECT STATEMENTS: a system image that holds PySymUDE and PythonCall in
# the very versions of PROJECT's manifest. STATEMENTS is a file of precompile statements, or "".

using TOML: TOML

const HERE = dirname(@__DIR__)
const ROOTS = ["PySymUDE", "PythonCall"]

"""
    minimal_project(project, folder)

A project in `folder` with `ROOTS` and what they need out of the manifest of `project`: PackageCompiler
precompiles whatever the manifest lists.
"""
function minimal_project(project, folder)
    project_file = Base.env_project_file(project)
    manifest = TOML.parsefile(Base.project_file_manifest_path(project_file))
    own = TOML.parsefile(joinpath(HERE, "Project.toml"))
    entries = manifest["deps"]
    entries["PySymUDE"] = [Dict{String,Any}(
        "uuid" => own["uuid"], "version" => own["version"], "path" => HERE, "deps" => own["deps"],
    )]
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
    uuids = Dict(name => kept[name][1]["uuid"] for name in ROOTS)
    write_toml(joinpath(folder, "Project.toml"), Dict("deps" => uuids))
    for name in ("LocalPreferences.toml", "JuliaLocalPreferences.toml")
        file = joinpath(dirname(project_file), name)
        isfile(file) && cp(file, joinpath(folder, name))
    end
    return folder
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
