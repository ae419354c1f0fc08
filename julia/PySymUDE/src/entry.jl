# A door for callers that cannot afford a bridge: a C function, and numbers for the objects it works on.

const HELD = Dict{Cint,Union{Loss,Matching}}()

"""
    hold(loss) -> Integer

The number by which [`entry`](@ref)'s function knows a loss, until [`release`](@ref).
"""
function hold(loss)
    number = Cint(isempty(HELD) ? 1 : maximum(keys(HELD)) + 1)
    HELD[number] = loss
    return number
end

release(number) = (delete!(HELD, Cint(number)); nothing)

function evaluate_held(number::Cint, gradient::Cint)::Cint
    try
        evaluate!(HELD[number], gradient != 0)
        return 0
    catch
        return 1
    end
end

"""
    entry() -> UInt

The address of a C function `int (int number, int gradient)`: [`evaluate!`](@ref), 0 where it did not throw.
"""
entry() = UInt(@cfunction(evaluate_held, Cint, (Cint, Cint)))
