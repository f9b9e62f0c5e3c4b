"""Programs that a drill runs beside the product, each as a process of its own: rogues that no release contains."""
