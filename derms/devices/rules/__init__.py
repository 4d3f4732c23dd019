"""Pure computations on devices and readings; numpy in, numpy out, no Django."""
