"""Hosts asked by the workers of a Dask cluster, which are near them, instead of by threads of this process."""
