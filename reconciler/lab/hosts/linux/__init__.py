"""Linux hosts: a folder as their root, a real shell behind SSH, the lab's commands in the place of the system's."""
