"""Games: files, odds, draws and fairness."""
