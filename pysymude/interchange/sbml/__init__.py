"""SBML models: from the document of libSBML to an `ODESystem`."""
