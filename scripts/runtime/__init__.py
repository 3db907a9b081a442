"""What the code runs on: processor kernels, worker processes, installed versions."""
