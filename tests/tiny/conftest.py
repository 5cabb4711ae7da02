"""Nothing here can run before the weights are there."""

from importlib.resources import files

collect_ignore_glob = (
    [] if files("bestofinf.tiny").joinpath("data", "sum.npz").is_file() else ["test_*.py"]
)
