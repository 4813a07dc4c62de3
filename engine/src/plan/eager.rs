//! Launching one step after the other.
