"""One vote: whom to ask next, how votes are counted, when to stop; a state machine without I/O."""
