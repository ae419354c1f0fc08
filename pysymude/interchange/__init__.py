"""Files of systems biology: SBML models and PEtab problems. Needs ``pip install "pysymude[petab]"``."""
