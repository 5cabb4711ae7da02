from importlib.util import find_spec

if find_spec("langchain_core") is None:  # the extra langchain is not installed
    collect_ignore_glob = ["*"]
elif find_spec("blockbuster") is not None:
    from support.blocking import nothing_blocks  # noqa: F401
