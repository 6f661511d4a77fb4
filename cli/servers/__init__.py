"""Private, real servers as child processes; beside the flow, the ground that it runs on."""
