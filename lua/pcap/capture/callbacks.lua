--- Loops that call a function for each packet, as pcap_loop() and pcap_dispatch() do. They read
-- with next(). Lua calls the function, so it may do and raise what it likes. C never calls it:
-- while compiled code runs, such a callback kills the VM ("bad callback").

local object = require "pcap.capture.object"
local check = require "pcap.core.check"

local next_within = require("pcap.capture.reading").next_within

local Capture, methods = object.class, {}

-- Turns the arguments ([n,] fn) into limit, fn. As for libpcap, no count or a count below 1 means
-- no limit.
local function arguments(name, n, fn)
  local position = 2
  if fn == nil and type(n) == "function" then
    n, fn, position = nil, n, 1
  end
  if n ~= nil and (type(n) ~= "number" or n % 1 ~= 0) then
    error(("bad argument #1 to '%s' (whole number or function expected)"):format(name), 3)
  end
  if type(fn) ~= "function" then
    error(("bad argument #%d to '%s' (function expected, got %s)")
      :format(position, name, type(fn)), 3)
  end
  return n ~= nil and n > 0 and n or math.huge, fn
end

-- Reads without waiting.
local function next_at_once(self)
  return next_within(self, 0)
end

-- Calls `fn` with each packet that `read` gives, until there is a reason to end. breakloop() in
-- `fn` ends the loop before the next read. The public function `name` makes this its tail call. So
-- if `fn` closes the capture, the misuse is reported at the line that called `name`.
local function run(self, name, limit, fn, read, first_read)
  local count = 0
  while count < limit do
    check.open(self, Capture, name)
    local data, timestamp, wirelen = (count == 0 and first_read or read)(self)
    if not data then
      return count, timestamp
    end
    count = count + 1
    local value = fn(data, timestamp, wirelen)
    if value ~= nil or self._broken then
      self._broken = false
      return count, "break", value
    end
  end
  return count, "limit"
end

-- A timeout does not end a loop: it waits on.
local function next_whenever(self)
  local data, timestamp, wirelen = self:next()
  while not data and timestamp == "timeout" do
    local ready, reason = self:wait()
    if not ready then
      return nil, reason
    end
    data, timestamp, wirelen = self:next()
  end
  return data, timestamp, wirelen
end

--- Calls a function for each packet, until the file ends, an error occurs, the count is reached or
-- the loop is broken off. It waits for packets as long as it takes, whatever the capture's timeout.
---@param n? integer   packets at the most; no number, 0 or less: no limit
---@param fn function  fn(data, timestamp, wirelen), as next() gives them; the loop ends if it
--- returns a value
---@return integer count   calls made
---@return string ending   "closed", "limit", "break", or the error's message
---@return any value       after "break", what fn returned; nil after breakloop()
---as pcap_loop
function methods:loop(n, fn)
  check.open(self, Capture, "loop")
  local limit, callback = arguments("loop", n, fn)
  return run(self, "loop", limit, callback, next_whenever, next_whenever)
end

--- Like loop(), but it also ends when there are no more packets for now. It waits only for the
-- first packet, as long as a read waits.
---@param n? integer   packets at the most; no number, 0 or less: no limit
---@param fn function
---@return integer count   calls made
---@return string ending   "timeout" when there are no more for now; else as for loop()
---@return any value
---as pcap_dispatch
function methods:dispatch(n, fn)
  check.open(self, Capture, "dispatch")
  local limit, callback = arguments("dispatch", n, fn)
  return run(self, "dispatch", limit, callback, next_at_once, self.next)
end

--- Ends the loop(), dispatch(), packets(), read or wait that is going on, or else the next one,
-- with "break". No packet is lost. Lua runs a signal's handler between two instructions; called
-- there, it ends a wait as well, because the signal interrupts the wait.
---@return table capture  itself
---as pcap_breakloop
function methods:breakloop()
  check.open(self, Capture, "breakloop")
  self._broken = true
  return self
end

return methods
