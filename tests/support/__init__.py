"""What several tests share: an OpenAI-compatible server on the loopback interface.

`server` starts and stops it, in a thread or (`process`) as a process of its own; `backends`,
`recorded` and `tiny_backend` give the replies; `faults` says what goes wrong; `ledger` is its book
of what was asked and served; `clients` connects to it and checks that nothing is left behind.
Inside, `app` goes from request (`request`) to reply (`reply`) over an `exchange`, where `injection`
puts the faults; `schemas` makes instances of JSON schemas.
"""
