"""Scripts for auditors: each is one file that needs nothing of ours, nor of anybody else."""
