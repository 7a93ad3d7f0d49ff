"""The program and its lab in simulated time: a seed decides the world, the events, and the order of all threads."""
