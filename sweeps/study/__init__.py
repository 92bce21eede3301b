"""Optuna: a study is opened, asked, judged at rungs, and told; the loop that does it."""
