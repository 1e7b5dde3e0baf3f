"""`make doctor`: looks at a deployed stack, and says in one line each what is wrong and what to do."""
