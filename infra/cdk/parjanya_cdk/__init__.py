"""The stacks: truth, intent, execution, control. See docs/infrastructure.md."""
