"""Lets `python -m cli` run the command line; beside the flow."""

from cli.app import main

main()
