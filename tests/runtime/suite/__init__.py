"""The conformance suite of the runtime: harness.py runs, the other modules are the cases."""
