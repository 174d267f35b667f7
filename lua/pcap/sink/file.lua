--- Opens a file to write a savefile to. It refuses a file that this program is using.

local ffi = require "ffi"
local failure = require "pcap.core.failure"
local in_use = require "pcap.core.in_use"
local place = require "pcap.core.place"
local shim = require "pcap.core.shim"

local file = {}

local EEXIST = 17

local is_new = ffi.new("int[1]")

local function failed(where)
  local errno = ffi.errno()
  return nil, place.named(where, failure.system(errno)), errno
end

--- Opens a place to write. Nothing is cut off yet.
---@param where table      of place.read()
---@param append? boolean  whether everything goes to the file's end
---@param own? table       in_use's token of the capture whose packets will be written
---@param only_new? boolean  whether a file that exists is left alone
---@return integer|nil fd  the caller's to close
---@return boolean|string is_new  whether this made the file; or the message
---@return integer|nil errno
function file.open(where, append, own, only_new)
  local given = where.fd or -1
  if where.file then
    local flushed, message, errno = where.file:flush()
    if not flushed then
      return nil, place.named(where, message), errno
    end
    given = shim.luapcap_file_fileno(where.file)
  end
  local fd = shim.luapcap_file_open(where.path, given, append and 1 or 0, is_new)
  if fd < 0 then
    return failed(where)
  end
  if only_new and is_new[0] == 0 then
    shim.luapcap_fd_close(fd)
    return nil, where.name .. ": " .. failure.system(EEXIST), EEXIST
  end
  local user = in_use.by(fd, own)
  if user then
    shim.luapcap_fd_close(fd)
    return nil, ("%s: cannot be written while %s"):format(where.name, user)
  end
  return fd, is_new[0] == 1
end

--- The file's path. A savefile that begins there replaces the old contents. Nil for stdout and for
-- what the caller has opened: writing starts at the position that they have.
---@return string|nil
function file.path_of(where)
  return place.is_path(where) and where.path or nil
end

--- Cuts off the file's old contents, if it was opened by its path.
---@param handle ffi.cdata*  luapcap_dumper
---@param where table        of place.read()
---@return boolean|nil true
---@return string|nil message
---@return integer|nil errno
function file.cut(handle, where)
  local is_file = file.path_of(where) and shim.luapcap_dumper_tell(handle) >= 0
  return file.outcome(is_file and shim.luapcap_dumper_cut(handle, 0) or 0)
end

--- Turns what a function of the shim returned into our results, with the system's message.
---@param status integer  0, or another with errno
---@return boolean|nil true
---@return string|nil message
---@return integer|nil errno
function file.outcome(status)
  if status == 0 then
    return true
  end
  local errno = ffi.errno()
  return nil, failure.system(errno), errno
end

return file
