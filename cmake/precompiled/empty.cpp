// The source of those targets that only precompile headers.
