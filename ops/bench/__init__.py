"""Benchmarks: what each part costs on this machine, against its budget."""
