--- Knows the files that this program is reading and writing. Opening one of them to write would
-- destroy what it holds. A file is known by its device and inode, whatever its name or descriptor.

local ffi = require "ffi"
local shim = require "pcap.core.shim"

local in_use = {}

-- Keyed by token. The keys are weak: a file is free again once the object that keeps its token has
-- been collected.
local users = setmetatable({}, { __mode = "k" })

local SIZE = 64
local text = ffi.new("char[?]", SIZE)

--- A text that is the same for all names and descriptors of a file. Nil for what is no file on a
-- disk.
---@param fd integer
---@return string|nil
function in_use.identify(fd)
  return shim.luapcap_file_identity(fd, text, SIZE) == 1 and ffi.string(text) or nil
end

-- A user that has read all of a file loses nothing if the file is written. But `own` is the token
-- of who asks, and always counts.
local function is_using(token, own)
  return token == own or not (token.is_done and token.is_done())
end

local function user_of(file, own)
  for token in pairs(users) do
    if token.file == file and is_using(token, own) then
      return token.user
    end
  end
end

--- Notes that a file is in use from here on.
---@param fd integer   one of the file's descriptors; may be closed afterwards
---@param user string  who uses it, for messages: "a capture is reading it"
---@param is_done? function  is_done() tells whether the user no longer needs the file
---@return table token for remove(); the file is in use while something refers to it
function in_use.add(fd, user, is_done)
  local token = { file = in_use.identify(fd), user = user, is_done = is_done }
  if token.file then -- a pipe or a device may be read and written at once
    users[token] = true
  end
  return token
end

--- Notes that this use of a file has ended. Noting it again does nothing.
---@param token table|nil
function in_use.remove(token)
  if token then
    users[token] = nil
  end
end

--- Who is using the file that a descriptor refers to. Garbage does not count: it is collected.
---@param fd integer
---@param own? table        the token of who asks; its use counts even if it is done
---@return string|nil user  nil if nobody is
function in_use.by(fd, own)
  local file = in_use.identify(fd)
  local user = file and user_of(file, own)
  if user then
    collectgarbage()
    collectgarbage()
    user = user_of(file, own)
  end
  return user or nil
end

return in_use
