"""stub."""
from foreshadow.observed import Adjacency
from foreshadow.routing import Fib, LocRib
def best_paths(raw: str) -> LocRib: return ()
def adjacencies(a: str, b: str) -> tuple[Adjacency, ...]: return ()
def fib(raw: str) -> Fib: return ()
