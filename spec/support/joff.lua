--- Switches the JIT off for a run of the specs: busted --helper=spec/support/joff.lua
require("jit").off()
require("jit").flush()
