//! From instructions to a program, and the warps that run it.
