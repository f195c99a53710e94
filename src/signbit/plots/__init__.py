"""Pictures of runs, results and quantizers; matplotlib is imported only when one is drawn."""
