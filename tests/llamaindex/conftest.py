from importlib.util import find_spec

if find_spec("llama_index") is not None and find_spec("blockbuster") is not None:
    from support.blocking import nothing_blocks  # noqa: F401
