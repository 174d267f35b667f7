--- Finds and loads the shim: the C library beside these files that also brings libpcap.
--
-- Lua finds its own C modules through package.cpath. ffi.load does not look there, so searchpath
-- does. Libpcap's symbols resolve through the shim's handle, so nothing here guesses libpcap's
-- soname.

local ffi = require "ffi"
require "pcap.core.cdefs"

local path, tried = package.searchpath("pcap.shim", package.cpath)
if not path then
  error("pcap: cannot find its C part, the library 'pcap/shim':" .. tried
    .. "\nBuild it with 'make' and add 'build/?.so' of the source folder to LUA_CPATH, "
    .. "or install it with 'make install'.", 0)
end

local loaded, library = pcall(ffi.load, path)
if not loaded then
  error("pcap: cannot load its C part from " .. path .. ":\n\t" .. tostring(library)
    .. "\nIs libpcap installed, and was the library built for this machine? 'make' builds it "
    .. "again.", 0)
end

return library
