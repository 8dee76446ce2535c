"""Every module of this package that holds a reproduction, alphabetically: the one list."""

from reproductions import parameter_count

__all__ = ["parameter_count"]
