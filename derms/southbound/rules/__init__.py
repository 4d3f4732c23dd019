"""Pure rules of the wires: what replaces what, when a link counts as down, when to try again."""
