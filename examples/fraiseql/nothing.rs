// Only the programs of the dependencies are wanted; a package needs something of its own.
