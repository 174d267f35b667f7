--- LISP (RFC 9300): IP in UDP, between the routers of two sites.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local flag, u24 = view.flag, view.u24
local SIZE = 8
local NONCE, INSTANCE = 0x80, 0x08

local fields = {
  flags = function(h) return h.bytes[0] end,
  nonce = function(h) return flag(h.bytes[0], NONCE) and u24(h.bytes, 1) or nil end,
  instance = function(h) return flag(h.bytes[0], INSTANCE) and u24(h.bytes, 4) or nil end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "lisp: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.lisp, layers.last = header, "lisp"
  return follow.ip_version("inner_ethertype", data, at + SIZE, limit, stop)
end

return { name = "lisp", view = view.type("lisp", SIZE, fields), decode = decode }
