"""One module for each group of commands; `console.cli` registers them."""
