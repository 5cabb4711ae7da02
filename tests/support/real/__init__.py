"""A real language model behind a real server: SmolLM2-135M-Instruct on llama.cpp.

`server` starts and stops it as a process of its own, where its two packages are installed;
`questions` are the questions of the recorded set; `record` records the replies to them and
`recorded` reads them, which needs neither package.
"""
