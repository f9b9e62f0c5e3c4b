"""A kernel for systems that reconcile: Truth, Belief, Intent, Execution."""
