"""The two promises of writing, against drawn servers: an apply changes nothing that its plan does not show, and what is
set up by hand can be declared as it is and then plans nothing."""
