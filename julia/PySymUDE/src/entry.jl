# A door for callers that cannot afford a bridge: a C function, and numbers for the objects it works on.

const GRADIENT, GIVEN = 1, 2

const HELD = Dict{Cint,Union{Loss,Samples,Repeated}}()

"""
    hold(object) -> Integer

The number by which [`entry`](@ref)'s function knows a loss or a [`Repeated`](@ref), until [`release`](@ref).
"""
function hold(object)
    number = Cint(isempty(HELD) ? 1 : maximum(keys(HELD)) + 1)
    HELD[number] = object
    return number
end

release(number) = (delete!(HELD, Cint(number)); nothing)

run!(held, flag) = evaluate!(held, flag != 0)
run!(held::Loss, flag) = evaluate!(held, flag & GRADIENT != 0, flag & GIVEN != 0)
run!(held::Repeated, flag) = evaluate!(held, flag)

function evaluate_held(number::Cint, flag::Cint)::Cint
    try
        run!(HELD[number], flag)
        return 0
    catch
        return 1
    end
end

"""
    entry() -> UInt

The address of a C function `int (int number, int flag)`: [`evaluate!`](@ref) of what is held by that
number, 0 where it did not throw. The flag is whether the gradient is wanted, of a loss plus 2 where the
derivatives by what is observed are given, or the number of threads.
"""
entry() = UInt(@cfunction(evaluate_held, Cint, (Cint, Cint)))
