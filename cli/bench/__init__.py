"""Measurements that anybody can repeat; beside the flow, each one drives all of it from outside."""
