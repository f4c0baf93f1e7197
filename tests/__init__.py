"""Tests of every room; this file only keeps a stray installed `tests` package from shadowing us."""
