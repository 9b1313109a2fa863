"""Reports, each made from a stored run and nothing else."""
