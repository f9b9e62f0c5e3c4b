"""What people and scripts touch: commands, their output, their exit codes. A contract (docs/commands.md)."""
