"""Readers: text in, subjects out, each with its line numbers. They raise `Unreadable` only."""
