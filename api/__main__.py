"""`python -m api` is `billetter`, wherever the command is not on the path."""

from api.cli import main

main()
