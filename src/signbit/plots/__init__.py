"""Pictures of runs, results and quantizers; matplotlib is imported when one is drawn."""
