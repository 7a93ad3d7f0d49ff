"""`watch`: observes servers again and again, keeps track of what it finds, and notifies of changes of state."""
